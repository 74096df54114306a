"""merge: the records of several folders of one run as those of one folder."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, final

from gsmooth.errors import IncompleteError, RecordError
from gsmooth.runs.config.run_config import tree_to_toml
from gsmooth.runs.config.run_file import CONFIG_NAME
from gsmooth.runs.config.shard import Shard
from gsmooth.runs.records.codec import encode
from gsmooth.runs.records.files import drafted
from gsmooth.runs.records.folder import (
    HEADER_NAME,
    ROWS_NAME,
    Records,
    RunHeader,
    open_records,
    stored_indices,
)
from gsmooth.runs.records.header import differences
from gsmooth.runs.records.journal import Journal, make_folder, write_atomically
from gsmooth.runs.records.planned_images import PlannedImages, Span
from gsmooth.runs.records.population_records import is_population
from gsmooth.runs.records.row import SCHEMA_VERSION, Row
from gsmooth.runs.settings import RUN

__all__ = ["Merged", "merge_records", "without_times"]


@final
@dataclass(frozen=True)
class Merged:
    """What was joined: rows of ``images`` of the ``planned`` images, ``twice`` of them found twice.

    violations: folders in which an attack that beat a certificate is saved.
    """

    folder: Path
    images: int
    planned: int
    twice: int
    violations: tuple[Path, ...]


def merge_records(sources: Sequence[Path], out: Path, *, partial: bool = False) -> Merged:
    """Write the rows of all these folders, sorted by image, into the folder ``out``.

    Rows that ``out`` holds already are among them. The result does not depend on the order of the
    folders. It is written when all is checked, and whole or not at all.

    Args:
        sources: Folders of records of one run: shards, or parts of the same data set.
        out: The folder of the whole run.
        partial: Accept that planned images have no row.

    Raises:
        RecordError: The folders are not of one run, or hold different rows of one image. Of these
            none is taken: to choose among several certificates would be to try until one succeeds.
        IncompleteError: Planned images have no row, without ``partial``.
        OutputError: ``out`` cannot be written, or a process is writing to it.
    """
    for path in sources:
        if is_population(path):
            raise RecordError(
                f"{path} holds the votes of a population run; its bound is about all images"
                " together, and such runs are not merged"
            )
    with _held(out) as has_rows:
        places = {path.resolve(): path for path in sources}
        if has_rows:
            places.setdefault(out.resolve(), out)
        runs = sorted(map(open_records, places.values()), key=lambda run: run.header.to_json())
        header = _whole(runs, out)
        assert header.plan is not None
        _require_rows(runs, header.plan, partial)
        with drafted(out / ROWS_NAME) as stream:
            images, twice = _joined(runs, stream)
            write_atomically(out / HEADER_NAME, header.to_json().encode())
            write_atomically(out / CONFIG_NAME, tree_to_toml(header.config).encode())
    found = [place / "violations" for place in places.values()]
    saved = tuple(sorted(place for place in found if place.is_dir()))
    return Merged(out, images, len(header.plan), twice, saved)


def without_times(row: Row) -> Row:
    """The row without how long it took, and without the versions of what made it."""
    return replace(row, provenance=replace(row.provenance, seconds=0.0, versions={}))


@contextmanager
def _held(out: Path) -> Iterator[bool]:
    """Keep other processes from writing to ``out``; whether it holds rows."""
    rows = out / ROWS_NAME
    made = not rows.exists()
    make_folder(out)
    journal = Journal(rows)
    try:
        yield journal.size > 0
    finally:
        if made and rows.stat().st_size == 0:
            with suppress(OSError):
                rows.unlink()
        journal.close()


def _whole(runs: Sequence[Records], out: Path) -> RunHeader:
    """The header of the whole run; RecordError unless all folders are of one."""
    first = runs[0]
    for run in runs:
        _require_same(first, run)
    plans = [_unsharded(run.header, str(run.path)) for run in runs]
    plan = plans[0]
    for other in plans[1:]:
        plan = plan.joined(other)
    config = dict(first.header.config)
    config["data"] = {**_section(config, "data"), "shard": None}
    config["output"] = {**_section(config, "output"), "folder": str(out)}
    created = min(run.header.created for run in runs)
    return replace(first.header, plan=plan, config=config, created=created)


def _require_same(first: Records, run: Records) -> None:
    old, new = first.header, run.header
    if new.schema_version != SCHEMA_VERSION:
        raise RecordError(
            f"{run.path} has schema {new.schema_version}; merged are records of schema"
            f" {SCHEMA_VERSION}"
        )
    if (old.fingerprint, old.sampler) != (new.fingerprint, new.sampler):
        found = differences(
            {**old.identity, "sampler": old.sampler}, {**new.identity, "sampler": new.sampler}
        )
        what = "; ".join(found) or "the fingerprint alone"
        raise RecordError(
            f"{first.path.parent} and {run.path.parent} are not of one run; the first ('there') and"
            f" the second ('here') differ in: {what}"
        )
    if old.capabilities is None or new.capabilities is None:
        return
    if not old.capabilities.same_claims(new.capabilities):
        raise RecordError(
            f"{first.path.parent} and {run.path.parent}: the transformation claimed"
            f" {old.capabilities} there, and {new.capabilities} here; two versions of its plugin"
            " made them"
        )


def _unsharded(header: RunHeader, where: str) -> PlannedImages:
    """The plan of a folder; of a shard, that of the whole run."""
    plan, data = header.plan, _section(header.config, "data")
    assert plan is not None
    if (text := data.get("shard")) is None:
        return plan
    start, every, limit = (data.get(name) for name in ("start", "every", "limit"))
    if not (isinstance(start, int) and isinstance(every, int) and isinstance(limit, int | None)):
        raise RecordError(f"{where}: config.data does not say which images the run has")
    whole = range(start, plan.images, every)[: limit if limit is not None else plan.images]
    shard = Shard.parse(str(text))
    span: Span = (whole.start, whole[-1] + 1, whole.step)
    if not set(shard.taken(whole)) <= set(plan):
        raise RecordError(f"{where}: the images planned are not those of shard {shard}")
    return PlannedImages((span,), plan.images, plan.repeats).joined(plan)


def _require_rows(runs: Sequence[Records], plan: PlannedImages, partial: bool) -> None:
    """IncompleteError unless each planned image has a row, or so much is not asked for."""
    there = set[int]().union(*(stored_indices(run.path) for run in runs))
    missing = [index for index in plan if index not in there]
    if not missing or (partial and there):
        return
    few = ", ".join(map(str, missing[: RUN.verify.missing_shown]))
    more = ", ..." if len(missing) > RUN.verify.missing_shown else ""
    raise IncompleteError(
        f"{len(plan) - len(missing)} of {len(plan)} planned images have a row in these folders;"
        f" missing: {few}{more}. Finish the runs, name the missing folders, or give --partial"
    )


def _joined(runs: Sequence[Records], stream: BinaryIO) -> tuple[int, int]:
    """Write one row an image; how many, and how many of them several folders have."""
    images = twice = 0
    streams = [((row, run.path.parent) for row in run.rows) for run in runs]
    merged = heapq.merge(*streams, key=lambda found: found[0].index)
    for _, group in groupby(merged, key=lambda found: found[0].index):
        first, *others = found = list(group)
        for other in others:
            _require_equal(first, other)
        # Times differ: which row is kept must not depend on the order of the folders.
        stream.write(min(row.to_json() for row, _ in found).encode() + b"\n")
        images += 1
        twice += bool(others)
    return images, twice


def _require_equal(first: tuple[Row, Path], other: tuple[Row, Path]) -> None:
    a, b = (without_times(row) for row, _ in (first, other))
    if a == b:
        return
    there, here = encode(a), encode(b)
    assert isinstance(there, Mapping)
    assert isinstance(here, Mapping)
    what = differences(there, here)
    raise RecordError(
        f"image {a.index}: {first[1]} and {other[1]} hold different rows of it, though votes follow"
        f" from seed, image and model: {'; '.join(what[:3])}. One of them was made by something"
        " else; none is taken. Repeat the image in a folder of its own, and leave the wrong folder"
        " out"
    )


def _section(tree: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}

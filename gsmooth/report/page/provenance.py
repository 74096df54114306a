"""Provenance of a run: what made it, and the commands that repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from gsmooth.report.attacked_images import section
from gsmooth.runs.config.run_config import tree_to_toml
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import plain, plain_lines, shortened


@final
@dataclass(frozen=True)
class Provenance:
    """Where a run comes from.

    facts: (name, value). commands: one a line, for a shell. run_file: the configuration, as the
    file that the first command names; "" for a run of objects in memory.
    """

    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    run_file: str
    file_name: str


def provenance_of(records: Records) -> Provenance:
    """Collect what a run wrote down about itself."""
    header = records.header
    spec = str(section(header.config, "model").get("spec", ""))
    name = f"{plain(records.path.parent.name) or 'run'}.toml"
    in_memory = spec.startswith("in-memory:")
    return Provenance(
        tuple((key, shortened(str(value), 200)) for key, value in _facts(records)),
        tuple(_commands(records, name, in_memory)),
        "" if in_memory else plain_lines(_run_file(header.config)),
        name,
    )


def _facts(records: Records) -> Iterator[tuple[str, object]]:
    header = records.header
    yield "started", header.created
    yield "records", records.path.parent.name
    yield "network", section(header.config, "model").get("spec", "")
    data = section(header.config, "data")
    yield "data", f"{data.get('spec', '')}, split {data.get('split', 'all')}"
    for what, digest in section(header.identity, "digests").items():
        if digest:
            yield f"sha256 of {what}", digest
    yield "fingerprint", header.fingerprint
    if header.seed_commitment is not None:
        yield "commitment to the seed", header.seed_commitment.hash
    yield "seed", _seed(header.config)
    yield "sampler", header.sampler
    yield "decision rule", header.decision_rule
    yield "versions", ", ".join(f"{name} {number}" for name, number in header.versions.items())
    yield "machine", ", ".join(map(str, header.machine.values()))
    for notice in header.data_notices:
        yield "about the data", notice


def _seed(config: Mapping[str, object]) -> object:
    seed = section(config, "smoothing").get("seed")
    return "secret" if seed is None else seed


def _commands(records: Records, name: str, in_memory: bool) -> Iterator[str]:
    folder = shlex.quote(plain(str(records.path.parent)))
    if in_memory and not records.path.exists():
        return
    if not in_memory:
        yield f"gsmooth certify -c {shlex.quote(name)} -o again"
    yield f"gsmooth verify {folder}"
    yield f"gsmooth report {folder} --html report.html"


def _run_file(config: Mapping[str, object]) -> str:
    """The configuration without what certify does not need: the old folder, and training."""
    kept = {key: value for key, value in config.items() if key not in ("output", "train")}
    try:
        return tree_to_toml(kept)
    except (TypeError, ValueError):  # Records of others may hold what TOML has no word for.
        return json.dumps(kept, indent=2)

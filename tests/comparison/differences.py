"""Which fields of two folders of records differ, after the renames."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.comparison.renames import FIELDS, UNCOMPARED, renamed

Fields = dict[str, object]

LAST_DIGITS: Final = 1e-12
"""Relative difference up to which two floats are equal here.

Sums of arrays are taken in an order that depends on where in memory they lie, so that one and the
same code differs by an ulp or two from process to process. All else is compared exactly.
"""


def folder_differences(old: Path, new: Path) -> Iterator[str]:
    """One line for every field that differs, in run.json and in the rows, by index of the image."""
    yield from tree_differences(_json(old / "run.json"), _json(new / "run.json"), "run.json")
    before, after = _rows(old), _rows(new)
    for index in sorted(before.keys() | after.keys()):
        if index not in before or index not in after:
            yield f"image {index}: no row {'before' if index in after else 'now'}"
            continue
        yield from tree_differences(before[index], after[index], f"image {index}")


def tree_differences(
    old: object, new: object, where: str, names: Mapping[str, str] = FIELDS
) -> Iterator[str]:
    """The same for two JSON values; 0, 0.0 and False are three values."""
    before = {_renamed(path, names): value for path, value in flat(old)}
    after = dict(flat(new))
    for path in dict.fromkeys([*before, *after]):
        found = [repr(side[path]) if path in side else "absent" for side in (before, after)]
        if found[0] != found[1] and not _nearly(before.get(path), after.get(path)):
            yield f"{where}: {path}: {found[0]} before, {found[1]} now"


def flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """(``evidence[0].margin``, value) for all that a JSON value holds, but what is not compared."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            if name not in UNCOMPARED:
                yield from flat(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from flat(item, f"{path}[{place}]")
    else:
        yield path, value


def _nearly(old: object, new: object) -> bool:
    if not (isinstance(old, float) and isinstance(new, float)):
        return False
    return math.isclose(old, new, rel_tol=LAST_DIGITS, abs_tol=0.0)


def _renamed(path: str, names: Mapping[str, str]) -> str:
    """A path under its name of today; positions stay where they are, level by level."""
    plain = re.sub(r"\[\d+\]", "", path)
    if (today := renamed(plain, names)) == plain:
        return path
    positions = [re.findall(r"\[\d+\]", step) for step in path.split(".")]
    steps = today.split(".")
    if len(steps) != len(positions):
        raise ValueError(f"{plain} -> {today}: a renamed field has to stay on its level")
    return ".".join(step + "".join(at) for step, at in zip(steps, positions, strict=True))


def _json(path: Path) -> object:
    return json.loads(path.read_text("utf-8"))


def _rows(folder: Path) -> dict[int, Fields]:
    lines = (folder / "records.jsonl").read_text("utf-8").splitlines()
    rows: list[dict[str, object]] = [json.loads(line) for line in lines]
    found = {index: row for row in rows if isinstance(index := row["index"], int)}
    if len(found) != len(rows):
        raise ValueError(f"{folder}: an image has two rows")
    return found

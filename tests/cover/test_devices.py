"""Where tensors of covers leave the device on which they are: in named modules, and openly."""

from __future__ import annotations

import re
from pathlib import Path

import gsmooth

ROOT = Path(gsmooth.__file__).parent
LEAVING = {
    "cover/bounds/cells.py",  # Distances and bounds: numbers, a few for each cell.
    "cover/build.py",  # Lengths of centres.
    "cover/online.py",
    "cover/planning/joint.py",  # Inner products of grid points, a block at a time.
    "cover/preimages.py",
    "cover/pulled_back.py",  # Parameters, as the keys of what is kept.
    "cover/regions/one_sided.py",
}
EVERY = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for room in ("cover", "geometry")
    for path in sorted((ROOT / room).rglob("*.py"))
}


def test_tensors_become_arrays_in_named_modules_only() -> None:
    found = {name for name, text in EVERY.items() if re.search(r"\.(cpu|numpy)\(", text)}
    assert found == LEAVING


def test_no_tensor_is_taken_for_one_of_the_cpu() -> None:
    assert not [name for name, text in EVERY.items() if re.search(r"(?<!\.cpu\(\))\.numpy\(", text)]
    assert not [name for name, text in EVERY.items() if re.search(r"\.cuda\(", text)]

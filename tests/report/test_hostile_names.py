"""Figures show names as they are: no mathematics, nothing to obey, nothing that breaks a file."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gsmooth.data.dataset import Dataset
from gsmooth.report.contact_sheet import contact_sheet
from gsmooth.report.curves import draw_curves
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import shortened
from gsmooth.transforms.base import Parameter
from gsmooth_rotation import Rotation
from tests.runs.samples import make_header, make_row
from tests.text.test_display import HOSTILE, OBEYED

names = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)


def run_called(name: str) -> Records:
    folder = name.replace("/", "|")
    parameter = Parameter(f"{name}-angle", f"{name}-unit")
    header = replace(make_header(), parameters=(parameter,))
    return Records(header, (make_row(0, label=0, certified_label=1),), Path(folder, "r.jsonl"))


@names
def test_a_curve_shows_names_as_they_are(name: str, tmp_path: Path) -> None:
    runs = [
        run_called(name),
        replace(run_called(name), path=Path(f"_{name}".replace("/", "|"), "r")),
    ]
    png, svg = draw_curves(runs, tmp_path / "curve")
    with Image.open(png) as picture:
        assert max(picture.size) < 2000
    root = ElementTree.fromstring(svg.read_bytes())  # Well-formed, for a start.
    told = "".join(root.itertext())
    assert not OBEYED.search(told)
    for run in runs:
        # A label may be broken into several lines.
        assert "".join(shortened(run.path.parent.name).split()) in "".join(told.split())


@names
def test_a_contact_sheet_takes_classes_of_any_name(name: str, tmp_path: Path) -> None:
    data = Dataset("data", np.zeros((1, 1, 8, 8)), np.zeros(1, dtype=np.int64), (name, f"$${name}"))
    path = contact_sheet(Rotation(), data, run_called(name), tmp_path / "sheet.png")
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        assert max(picture.size) < 4000

"""A run on images that stay on disk writes the records of a run that holds them in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.context import build_context
from gsmooth.runs.execute import run_certify
from gsmooth.runs.inputs import run_data
from gsmooth.runs.records.folder import Row, read_records
from tests.runs.samples import changed
from tests.runs.tmp_project import MEANS, Notebook, enter, tmp_project_config


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter(tmp_path, monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def photos(folder: Path) -> str:
    for number, mean in enumerate(MEANS):
        place = folder / str(int(mean > 0.5))
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 4), round(255 * mean), np.uint8)
        Image.fromarray(pixels).save(place / f"{number:02}.png")
    return f"data.spec={folder}"


def rows(*overrides: str) -> tuple[str, tuple[Row, ...]]:
    summary = run_certify(tmp_project_config(*overrides), Notebook())
    found = read_records(summary.folder)
    return found.header.fingerprint, tuple(changed(row, seconds=0.0) for row in found.rows)


@pytest.mark.parametrize("data", ["folder", "archive"])
def test_rows_and_fingerprint_do_not_depend_on_where_the_images_are(
    data: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = photos(project / "photos") if data == "folder" else "data.spec=images.npz"
    held = rows(spec, "output.folder=held")
    usual = run_data.__kwdefaults__
    assert usual is not None
    monkeypatch.setitem(usual, "in_memory", 0)
    config = tmp_project_config(spec)
    task = resolved_task(config)
    lazy = build_context(task.config, 0, task).dataset
    assert not isinstance(lazy.images, np.ndarray)
    assert rows(spec, "output.folder=lazy") == held

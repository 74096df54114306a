"""``gsmooth report --html`` writes one page, and ``--open`` shows it."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.runs.records.folder import RecordWriter
from tests.runs.samples import make_abstention, make_header, make_row


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    header = make_header()
    config = {**header.config, "transformation": {"name": "rotation", "options": {}}}
    with RecordWriter(Path("run"), make_header(config=config)) as writer:
        writer.write(make_row(0))
        writer.write(make_abstention(1))
    drawn = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), np.uint8)
    np.savez("images.npz", x=drawn, y=np.array([7, 7]))


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_page_is_written_instead_of_figures() -> None:
    result = gsmooth("report", "run", "--html", "pages/report.html", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["files"] == ["pages/report.html"]
    text = Path("pages/report.html").read_text("utf-8")
    assert "For 1 of 2 images (50.0%), it is proved" in text
    assert 'id="sheet-0-0"' not in text
    assert not Path("run/curve.png").exists()


def test_pictures_are_of_the_images_that_are_given_for_each_of_several_runs() -> None:
    result = gsmooth("report", "run", "run", "--html", "report.html", "--data", "images.npz")
    assert result.exit_code == 0, result.output
    text = Path("report.html").read_text("utf-8")
    for name in ("sheet-0-0", "sheet-1-0", "path-0-1-0", "path-1-0-0"):
        assert f'id="{name}"' in text


def test_the_browser_opens_the_page_beside_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def show(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    result = gsmooth("report", "run", "--open")
    assert result.exit_code == 0, result.output
    assert opened == [Path("run/report.html").resolve().as_uri()]
    assert Path("run/report.html").is_file()


def test_without_a_browser_the_page_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = gsmooth("report", "run", "--open")
    assert result.exit_code == 0, result.output
    assert "no browser was found; open run/report.html in one" in result.stderr


def test_a_page_that_cannot_be_written_is_an_error() -> None:
    Path("file").write_text("")
    result = gsmooth("report", "run", "--html", "file/report.html")
    assert result.exit_code == 7, result.output
    assert "cannot be written" in result.stderr

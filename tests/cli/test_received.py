"""Folders of records that came from somebody else run no code, wherever they are looked at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.runs.records.folder import HEADER_NAME, RecordWriter
from tests.runs.samples import make_header, make_row
from tests.text.test_display import HOSTILE, OBEYED

TRAP = """
from pathlib import Path

Path("sprung").write_text("code of the folder has run")


class Trap:
    pass


def build(**options):
    return Trap()
"""


@pytest.fixture(autouse=True)
def received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose run.json names a module in every place, with that module beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("gsmooth_trap.py").write_text(TRAP)
    with RecordWriter(Path("run"), make_header()) as writer:
        writer.write(make_row(0))
    np.savez("images.npz", x=np.zeros((2, 1, 8, 8)), y=np.array([0, 7]))
    header = json.loads(Path("run", HEADER_NAME).read_text())
    header["config"] = {**header["config"], **named("gsmooth_trap:build")}
    header["config"]["transformation"] = {"name": "gsmooth_trap:Trap", "options": {}}
    Path("run", HEADER_NAME).write_text(json.dumps(header))


def named(spec: str) -> dict[str, Any]:
    return {
        "data": {"spec": spec, "split": "heldout"},
        "model": {"spec": spec, "weights": "gsmooth_trap.py"},
    }


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("report", "run"), 0),
        (("report", "run", "--json"), 0),
        (("report", "run", "--parquet=rows.parquet"), 0),
        (("report", "run", "run"), 0),
        (("report", "run", "run", "--html=page.html"), 0),
        (("report", "run", "--html=page.html", "--data=images.npz"), 5),
        # The pictures are of the user's own images; the module would make them.
        (("report", "run", "--data=images.npz"), 5),
        (("verify", "run"), 8),
        (("verify", "run", "--json"), 8),
    ],
)
def test_what_a_folder_names_is_not_imported(arguments: tuple[str, ...], code: int) -> None:
    before = list(sys.path)
    result = gsmooth(*arguments)
    assert result.exit_code == code, result.output
    assert not Path("sprung").exists()
    assert "gsmooth_trap" not in sys.modules
    assert sys.path == before


def test_the_same_folder_springs_where_the_user_names_the_module() -> None:
    gsmooth("report", "run", "--data=gsmooth_trap:build")
    assert Path("sprung").exists()


def test_a_report_draws_the_curve_of_any_folder_and_pictures_where_it_is_given_images() -> None:
    result = gsmooth("report", "run", "--json")
    assert json.loads(result.stdout)["files"] == ["run/curve.png", "run/curve.svg"]
    several = gsmooth("report", "run", "run", "--data=images.npz")
    assert several.exit_code == 2
    assert "--data is for the pictures of one run" in several.stderr


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("command", ["report", "verify"])
def test_names_of_folders_and_in_records_are_shown_and_not_obeyed(kind: str, command: str) -> None:
    name = HOSTILE[kind]
    # What no file system takes is left out, and said in the records.
    folder = Path(name.replace("/", "|").replace("\ud800", "")[:200])
    Path("run").rename(folder)
    header = json.loads((folder / HEADER_NAME).read_text())
    header["config"] = {name: name, "certify": {"bound": name}}
    header["parameters"] = [{"name": name, "unit": name, "description": name, "step": 0.0}]
    (folder / HEADER_NAME).write_text(json.dumps(header))
    quick = ("--no-figures",) if command == "report" else ()
    results = [
        gsmooth(command, str(folder), *quick),
        gsmooth(command, str(folder), "--debug", "--json"),
    ]
    (folder / "records.jsonl").write_text(json.dumps({name: name}) + "\n")
    results.append(gsmooth(command, str(folder)))
    assert [result.exit_code for result in results] == [
        *{"report": (0, 0), "verify": (8, 8)}[command],
        6,
    ]
    for result in results:
        assert not OBEYED.search(result.output)

"""gsmooth predict of files, folders and names on stdin: a JSON line for each, as it is answered."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from tests.runs.tmp_project import SETTINGS, furnish

MODEL = (*(f"--set={one}" for one in SETTINGS if not one.startswith(("data.", "smoothing.seed"))),)
SEED_FILE = "--seed-file=seed.txt"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for name, level in {"b.png": 250, "a.png": 5, "deep/c.bmp": 240}.items():
        Image.fromarray(np.full((4, 4), level, np.uint8)).save(tmp_path / "photos" / name)
    Path("photos/notes.txt").write_text("no image")
    Path("broken.png").write_bytes(b"no image either")
    Path("seed.txt").write_text("0123456789abcdef" * 4)
    Path("seed.txt").chmod(0o600)


def gsmooth(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["predict", *MODEL, *arguments], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_files_folders_and_names_on_stdin_are_answered_in_their_order() -> None:
    result = gsmooth("photos/b.png", "photos", "-", stdin="photos/a.png\n\nphotos/b.png\n")
    assert result.exit_code == 0, result.output
    found = lines(result)
    assert [(line["path"], line["label"]) for line in found] == [
        ("photos/b.png", 1),
        ("photos/a.png", 0),
        ("photos/b.png", 1),
        ("photos/deep/c.bmp", 1),
        ("photos/a.png", 0),
        ("photos/b.png", 1),
    ]
    assert found[0] == found[2] == found[5]
    assert (found[0]["votes"], found[0]["counts"], found[0]["alpha"]) == (12, {"1": 12}, 0.001)
    assert "6 files: 6 answered, 0 abstentions, 0 with errors" in result.stderr


def test_a_broken_file_has_a_line_and_the_exit_code_says_so() -> None:
    Path("empty").mkdir()
    Image.fromarray(np.zeros((5, 5), np.uint8)).save("large.png")
    result = gsmooth("broken.png", "nowhere.png", "empty", "photos/a.png", "large.png")
    assert result.exit_code == 3
    found = lines(result)
    assert [line.get("label") for line in found] == [None, None, None, 0, None]
    assert [("error" in line) for line in found] == [True, True, True, False, True]
    assert "cannot be read as an image" in found[0]["error"]["message"]
    assert "(1, 4, 4)" in found[4]["error"]["message"]
    assert "5 files: 1 answered, 0 abstentions, 4 with errors" in result.stderr


def test_files_are_prepared_as_data_are() -> None:
    Image.fromarray(np.full((9, 12), 250, np.uint8)).save("large.png")
    (line,) = lines(gsmooth("large.png", "--set=data.resize=4", "--set=data.crop=4"))
    assert line["label"] == 1


def test_the_first_image_says_the_shape_where_the_network_leaves_it_open() -> None:
    Image.fromarray(np.full((6, 6), 250, np.uint8)).save("large.png")
    shapeless = [one for one in MODEL if "model.shape" not in one]
    command = ["predict", *shapeless, "broken.png", "large.png", "photos/a.png"]
    found = lines(CliRunner().invoke(app, command))
    assert [line.get("label") for line in found] == [None, 1, None]
    assert "expected (1, 6, 6)" in found[2]["error"]["message"]


def test_the_same_secret_gives_the_same_votes_in_every_call() -> None:
    Image.fromarray(np.full((4, 4), 130, np.uint8)).save("doubtful.png")
    first, again = (lines(gsmooth("doubtful.png", SEED_FILE)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("other", ["--data=digits.npz", "--limit=3", "--json", "--seed=0"])
def test_flags_that_do_not_go_with_paths_are_refused(other: str) -> None:
    result = gsmooth("photos/a.png", other)
    assert result.exit_code == 2
    assert other.partition("=")[0].strip("-") in result.stderr


def test_a_network_that_cannot_be_loaded_ends_it_all() -> None:
    result = gsmooth("photos/a.png", "--set=model.spec=tmp_project_net:nothing")
    assert result.exit_code == 4
    assert result.stdout == ""


def test_a_line_is_there_before_the_next_name_is() -> None:
    command = [sys.executable, "-m", "gsmooth", "predict", *MODEL, "-"]
    begun = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert isinstance(begun.stdin, io.TextIOBase)
    assert isinstance(begun.stdout, io.TextIOBase)
    with begun.stdin as names, begun.stdout as answers:
        for name, label in (("photos/a.png", 0), ("photos/b.png", 1)):
            names.write(f"{name}\n")
            names.flush()
            assert json.loads(answers.readline())["label"] == label
        names.close()
        assert answers.read() == ""
    assert begun.wait(timeout=60) == 0

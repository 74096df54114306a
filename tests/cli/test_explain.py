"""``gsmooth explain``: sentences about an image of a folder, and all images by what they lack."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from gsmooth.cli import app

STORED = Path(__file__).parents[1] / "runs" / "records" / "stored"


def test_an_image_is_explained_in_sentences() -> None:
    result = CliRunner().invoke(app, ["explain", str(STORED / "region"), "--image", "1"])
    assert result.exit_code == 0, result.output
    first, *rest = result.stdout.splitlines()
    assert first.startswith("image 1: certified to ±30°")
    assert rest[-1].strip() == "Nothing is missing."


def test_json_has_the_numbers_behind_the_sentences() -> None:
    result = CliRunner().invoke(
        app, ["explain", str(STORED / "region"), "-i", "1", "-i2", "--json"]
    )
    found = json.loads(result.stdout)["images"]
    assert [one["image"] for one in found] == [1, 2]
    assert [one["limit"] for one in found] == ["none", "wrong class"]
    assert found[0]["centre"]["required_p"] <= 1.0


def test_without_an_image_all_of_them_are_counted_by_what_they_lack() -> None:
    result = CliRunner().invoke(app, ["explain", str(STORED / "region"), "--json"])
    assert json.loads(result.stdout)["limits"] == {"none": [0, 1, 3], "wrong class": [2]}
    table = CliRunner().invoke(app, ["explain", str(STORED / "region")]).stdout
    assert "wrong class" in table


def test_an_image_without_a_row_is_exit_code_6() -> None:
    result = CliRunner().invoke(app, ["explain", str(STORED / "region"), "--image", "99"])
    assert result.exit_code == 6
    assert "image 99 has no row" in result.stderr

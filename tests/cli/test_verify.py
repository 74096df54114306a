"""``gsmooth verify``: exit code 8 for a row that claims more than its counts."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.runs.records.folder import RecordWriter, Row
from gsmooth.runs.records.planned_images import PlannedImages
from tests.runs.samples import make_abstention, make_centre, make_header, make_row


def recorded(folder: Path, *rows: Row, images: int = 4) -> str:
    plan = PlannedImages(((0, images, 1),), images)
    with RecordWriter(folder, make_header(plan=plan)) as writer:
        for row in rows:
            writer.write(row)
    return str(folder)


def test_sound_records_pass(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", make_row(0), make_abstention(1), images=2)
    result = CliRunner().invoke(app, ["verify", folder])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout == ("2 rows checked: all 1 certificates follow from their counts\n")


def test_a_forged_row_is_named_with_its_image_and_field(tmp_path: Path) -> None:
    forged = make_row(3, evidence=(make_centre(successes=70),))
    folder = recorded(tmp_path / "run", make_row(0), forged)
    result = CliRunner().invoke(app, ["verify", folder])
    assert result.exit_code == 8
    assert "image 3: " in result.stderr
    assert result.stdout == ""
    machine = CliRunner().invoke(app, ["verify", folder, "--json"])
    assert machine.exit_code == 8
    assert json.loads(machine.stdout)["faults"][0]["index"] == 3


def test_no_records_is_exit_code_6(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert result.exit_code == 6
    assert "cannot be read" in result.stderr


def test_a_run_that_is_not_finished_is_said_and_is_no_success(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", make_row(2), make_row(0))
    result = CliRunner().invoke(app, ["verify", folder])
    assert result.exit_code == 11
    assert result.stdout == "2 rows checked: all 2 certificates follow from their counts\n"
    assert result.stderr == "2 of 4 images present; missing: 1, 3\n"
    assert CliRunner().invoke(app, ["verify", folder, "--partial"]).exit_code == 0
    found = json.loads(CliRunner().invoke(app, ["verify", folder, "--json"]).stdout)
    assert found == {"checked": 2, "certified": 2, "planned": 4, "missing": 2, "faults": []}


def test_no_rows_at_all_are_no_success(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", images=100)
    for options in ([], ["--partial"]):
        result = CliRunner().invoke(app, ["verify", folder, *options])
        assert result.exit_code == 11
        assert result.stdout == ""
        assert result.stderr == "0 of 100 images present; missing: 0, 1, 2, 3, 4, ...\n"

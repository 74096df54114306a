"""The attacker's rounding, from the flag to the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli.app import app

RUN = ("certify", "--limit", "1", "--region", "-4:4", "--no-attack", "--seed=0", "--json")


@pytest.mark.parametrize(("flags", "bits"), [((), 0), (("--bits", "8"), 8)])
def test_the_rounding_of_the_attacked_image_is_asked_for_and_recorded(
    tmp_path: Path, flags: tuple[str, ...], bits: int
) -> None:
    found = CliRunner().invoke(app, [*RUN, *flags, "--out", str(tmp_path / "run")])
    assert found.exit_code == 0, found.stderr
    (told,) = json.loads(found.stdout)["runs"]
    assert told["config"]["region"]["bits"] == bits
    assert ("rounded to 8 bits" if bits else "float image") in told["summary"]["region"]
    row = json.loads((tmp_path / "run" / "records.jsonl").read_text().splitlines()[0])
    assert row["region"]["bits"] == bits


@pytest.mark.parametrize("bits", ["-1", "17"])
def test_a_rounding_that_no_image_file_has_is_refused(tmp_path: Path, bits: str) -> None:
    found = CliRunner().invoke(app, [*RUN, "--bits", bits, "--out", str(tmp_path / "run")])
    assert found.exit_code == 2
    assert "region.bits" in found.stderr

"""Every orientation from the command line: flags, records, verify, resume and the warning (T7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli.app import app

FLAGS = (
    "--limit",
    "2",
    "--set",
    "certify.centres=1",
    "--seed=0",
    "--law",
    "haar",
    "--region",
    "all",
)
ROTATION = ("--transformation", "rotation", "--set", "transformation.options.low_pass_px=1.2")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def certified(folder: Path, *flags: str) -> Result:
    return run("certify", *ROTATION, *FLAGS, "--out", str(folder), *flags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("haar") / "run"
    found = certified(folder, "--set", "attack.points=9", "--set", "attack.n=64")
    assert found.exit_code == 0, found.stderr
    assert "haar noise on angle, so g gives one answer for all values" in found.stderr
    return folder


def rows(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_rows_state_the_period_and_one_centre_for_all_of_it(folder: Path) -> None:
    for row in rows(folder):
        assert row["noise"]["axes"] == [{"law": "haar", "period": 360.0}]
        assert (row["region"]["lower"], row["region"]["upper"]) == ([-180.0], [180.0])
        assert len(row["evidence"]) == 1
        assert row["attack"] is not None


def test_its_certificates_follow_from_their_counts(folder: Path) -> None:
    found = run("verify", str(folder))
    assert found.exit_code == 0, found.stdout + found.stderr


def test_a_forged_period_is_found(folder: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            text = path.read_bytes()
            if path.name == "records.jsonl":
                text = text.replace(b'"law":"haar","period"', b'"law":"gaussian","std"')
            (forged / path.name).write_bytes(text)
    assert run("verify", str(forged)).exit_code == 8


def test_a_second_run_there_finds_everything_done(folder: Path) -> None:
    before = (folder / "records.jsonl").read_bytes()
    again = certified(folder, "--set", "attack.points=9", "--set", "attack.n=64")
    assert again.exit_code == 0, again.stderr
    assert (folder / "records.jsonl").read_bytes() == before


def test_what_it_would_cost_is_told_before(tmp_path: Path) -> None:
    found = certified(tmp_path / "none", "--dry-run")
    assert found.exit_code == 0, found.stderr
    assert not (tmp_path / "none" / "records.jsonl").exists()


def test_a_parameter_without_a_period_has_no_haar_noise(tmp_path: Path) -> None:
    found = run(
        "certify", "-t", "brightness", "--law", "haar", "--region=-0.1:0.1", "--sigma=0.25",
        "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert found.exit_code == 2
    assert "parameters with a period: none" in found.stderr

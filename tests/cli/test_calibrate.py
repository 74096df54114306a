"""``gsmooth calibrate``, and runs that rest on what it wrote or use the nested method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.runs.calibration import read_calibration
from gsmooth.runs.records.export import export_parquet
from gsmooth.runs.records.folder import read_records
from tests.runs.tmp_project import enter

TURNS = (
    "--data=images.npz",
    "--transformation=rotation",
    "--region=-10:10",
    "--model=tmp_project_net:build",
    "--set=model.shape=[1,4,4]",
)
# Eight of the twelve images calibrate, the other four are certified.
CALIBRATE = ("calibrate", *TURNS, "--images=8", "--share=0.6", "--alpha=0.2", "--out=cal.json")
CERTIFY = (
    "certify",
    *TURNS,
    "--sigma=0.25",
    "--std=6",
    "--seed=0",
    "--set=attack.n=128",
    "--set=engine.threads=1",
    "--out=run",
)
DISTRIBUTIONAL = (
    *CERTIFY,
    "--set=certify.guarantee=distributional",
    "--set=certify.calibration=cal.json",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_calibration_is_written_and_said_in_one_sentence() -> None:
    result = gsmooth(*CALIBRATE)
    assert result.exit_code == 0, result.output
    assert "for at least 60.00% of images like these 8 (confidence 80.00%)" in result.stdout
    assert result.stdout.splitlines()[-1] == "cal.json"
    assert "8/8 images" in result.stderr
    assert "votes/s" not in result.stderr
    assert not Path("cal.json.part").exists()
    found = read_calibration(Path("cal.json"))
    assert (found.images, found.rank, found.centre) == (8, 7, "middle")


def test_json_is_one_document() -> None:
    result = gsmooth(*CALIBRATE, "--centre=clean", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["rank"] == 7
    assert told["centre"] == "clean"
    assert told["error"] <= told["largest"]


def test_an_interrupted_calibration_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import gsmooth.runs.calibrate as module

    whole = module.image_error
    done: list[int] = []

    def counted(*arguments: Any) -> float:
        if len(done) == most:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*arguments)

    monkeypatch.setattr(module, "image_error", counted)
    most = 3
    assert gsmooth(*CALIBRATE).exit_code == 130
    assert len(Path("cal.json.part").read_text().splitlines()) == 3
    most = 8
    again = gsmooth(*CALIBRATE)
    assert again.exit_code == 0, again.output
    assert "3 images are in cal.json.part already" in again.stderr
    assert len(done) == 8
    done.clear()
    resumed = Path("cal.json").read_text()
    Path("cal.json").unlink()
    gsmooth(*CALIBRATE)
    assert Path("cal.json").read_text() == resumed


@pytest.mark.parametrize(
    ("arguments", "validation_error"),
    [
        (("--share=0.99",), "the least n is 161"),
        (("--centre=edge",), "expected middle or clean"),
        (("--transformation=gaussian", "--set=region.l2=1"), "orthogonal action"),
        (
            (
                "--transformation=tmp_project_net:BrokenTransformation",
                "--region=0:1",
                "--alpha=0.9",
            ),
            "alpha=0.9",
        ),
        (("--transformation=blur", "--region=0:1"), "blur has no inverse (variance >= 0)"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_before_the_first_image(
    arguments: tuple[str, ...], validation_error: str
) -> None:
    without_region = tuple(part for part in CALIBRATE if not part.startswith("--region"))
    base = without_region if "gaussian" in arguments[0] else CALIBRATE
    result = gsmooth(*base, *arguments)
    assert result.exit_code == 2, result.output
    assert validation_error in result.stderr
    assert not Path("cal.json").exists()


def test_a_distributional_run_records_and_prints_its_premise() -> None:
    gsmooth(*CALIBRATE)
    result = gsmooth(*DISTRIBUTIONAL, "--set=data.start=8")
    assert result.exit_code == 0, result.output
    rows = read_records("run").rows
    premise = read_calibration(Path("cal.json")).premise
    assert {row.claim.guarantee for row in rows} == {"distributional"}
    assert {row.claim.premise for row in rows} == {premise}
    assert any(row.decision.outcome == "certified" for row in rows)
    assert "images like the calibration ones" in " ".join(result.stdout.split())
    assert gsmooth("verify", "run").exit_code == 0
    again = gsmooth("certify", "--config", "run/config.toml")
    assert "4 of 4 images are in run already" in again.stderr


def test_an_image_that_was_calibrated_on_is_named_before_any_vote() -> None:
    gsmooth(*CALIBRATE)
    result = gsmooth(*DISTRIBUTIONAL, "--set=data.start=7")
    assert result.exit_code == 3
    assert "image 7 is one of the calibration images" in result.stderr
    assert not Path("run").exists()


def test_another_region_than_the_calibrated_one_is_refused() -> None:
    gsmooth(*CALIBRATE)
    result = gsmooth(*DISTRIBUTIONAL, "--region=-11:10", "--set=data.start=8")
    assert result.exit_code == 2
    assert "[-10, 10], which does not hold the region [-11, 10]" in result.stderr


def test_another_calibration_does_not_share_a_folder() -> None:
    gsmooth(*CALIBRATE)
    gsmooth(*DISTRIBUTIONAL, "--set=data.start=8", "--limit=1")
    gsmooth(*CALIBRATE, "--alpha=0.15", "--share=0.5")
    result = gsmooth(*DISTRIBUTIONAL, "--set=data.start=8")
    assert result.exit_code == 6
    assert "digests.calibration" in result.stderr


@pytest.mark.parametrize("given", ["guarantee=distributional", "calibration=cal.json"])
def test_the_guarantee_and_its_file_come_together(given: str) -> None:
    result = gsmooth(*CERTIFY, f"--set=certify.{given}")
    assert result.exit_code == 2
    assert "belong together" in result.stderr


NESTED = (*CERTIFY, "--mode=nested", "--set=certify.n_outer=16", "--set=certify.n_inner=256")


def test_a_nested_run_records_both_levels_and_verifies() -> None:
    result = gsmooth(*NESTED, "--limit=2", "--no-attack", "--set=certify.alpha=0.1")
    assert result.exit_code == 0, result.output
    rows = read_records("run").rows
    assert {row.claim.mode for row in rows} == {"nested"}
    assert any(row.decision.outcome == "certified" for row in rows)
    assert all(len(row.counts.evidence) == 1 for row in rows)
    assert all(centre.inner is not None for row in rows for centre in row.counts.evidence)
    assert gsmooth("verify", "run").exit_code == 0
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    export_parquet(read_records("run"), Path("rows.parquet"))


def test_a_nested_run_may_rest_on_a_calibration_from_the_clean_image() -> None:
    gsmooth(*CALIBRATE)
    rest = ("--set=data.start=8", "--limit=1", *DISTRIBUTIONAL[-2:], "--set=certify.alpha=0.1")
    refused = gsmooth(*NESTED, *rest)
    assert refused.exit_code == 2
    assert "--centre clean" in refused.stderr
    gsmooth(*CALIBRATE, "--centre=clean")
    assert gsmooth(*NESTED, *rest).exit_code == 0
    assert read_records("run").rows[0].claim.guarantee == "distributional"


def test_an_error_out_of_reach_is_refused_before_any_vote() -> None:
    gsmooth(*CALIBRATE)
    few = ("--set=data.start=8", "--set=certify.max_votes=500", "--set=smoothing.sigma=0.01")
    result = gsmooth(*DISTRIBUTIONAL, *few)
    assert result.exit_code == 2
    assert "cannot certify images with the calibrated error" in result.stderr
    assert not Path("run").exists()


def test_a_parameter_of_scale_0_rests_in_calibration_as_in_the_run() -> None:
    joined = ("--transformation=rotation+brightness", "--region=-10:10,-0.02:0.02")
    unsmoothed = "--set=smoothing.scales=[6,0]"
    result = gsmooth(*CALIBRATE, *joined, unsmoothed)
    assert result.exit_code == 0, result.output
    run = (*DISTRIBUTIONAL, *joined, "--std=6,0", "--set=data.start=8")
    result = gsmooth(*run, "--set=attack.points=3")
    assert result.exit_code == 0, result.output

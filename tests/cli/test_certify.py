"""The commands that cast votes, from flags to what they print; stdout holds results only."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from tests.runs.tmp_project import enter

TMP_PROJECT = (
    "--model=tmp_project_net:build",
    "--set=model.shape=[1,4,4]",
    "--data=images.npz",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--seed=0",
    "--set=engine.batch_size=256",
)
CERTIFY = ("certify", *TMP_PROJECT, "--l2=0.3", "--set=attack.n=128", "--out=run")


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_run_says_how_long_it_took_and_the_adversary_apart() -> None:
    said = re.compile(r"^1 image in [\d.]+ s; the adversary took [\d.]+ s of them$", re.MULTILINE)
    assert said.search(gsmooth(*CERTIFY, "--limit=1").stderr)
    # Nothing is left to do.
    assert "the adversary took" not in gsmooth(*CERTIFY, "--limit=1").stderr


def test_a_run_ends_with_the_table_and_the_paths() -> None:
    result = gsmooth(*CERTIFY)
    assert result.exit_code == 0, result.output
    for line in ("clean accuracy of f", "certified accuracy", "accuracy under attack", "alpha"):
        assert line in result.stdout
    assert result.stdout.splitlines()[-1] == "run/records.jsonl"
    assert "12/12 images" in result.stderr


def test_json_is_one_document_and_progress_stays_on_stderr() -> None:
    result = gsmooth(*CERTIFY, "--limit=4", "--no-attack", "--json")
    assert result.exit_code == 0, result.output
    (run,) = json.loads(result.stdout)["runs"]
    assert run["summary"]["certified"] == {"count": 4, "total": 4}
    assert run["summary"]["attacked"] is None
    assert run["config"]["certify"]["alpha"] == 0.001
    assert "4/4 images" in result.stderr


def test_a_dry_run_prints_the_plan_and_the_run_file_and_writes_nothing() -> None:
    result = gsmooth(*CERTIFY, "--dry-run")
    assert result.exit_code == 0, result.output
    assert tomllib.loads(result.stdout)["smoothing"]["scales"] == []
    assert result.stdout.startswith("# 12 images; the region is within reach; no record is written")
    plan = [line for line in result.stdout.splitlines() if line.startswith("#")]
    told = " ".join(line[2:].split("  ")[0] for line in plan[1:])
    assert told == (
        "engine model votes a second votes an image votes in all the adversary's time an image"
        " time in all memory"
    )
    assert "tried on 3 images under another seed; 3 certified" in result.stdout
    assert not Path("run").exists()


def test_a_dry_run_gives_machines_the_same_numbers() -> None:
    result = gsmooth(*CERTIFY, "--dry-run", "--json")
    document = json.loads(result.stdout)
    plan = document["plan"]
    assert document["images"] == plan["todo"] == 12
    assert len(plan["tried"]) == 3
    assert plan["votes"]["low"] <= plan["votes"]["mean"] <= plan["votes"]["high"]
    assert plan["votes"]["mean"] == pytest.approx(12 * plan["votes_an_image"]["mean"])
    assert plan["seconds"]["mean"] > 0.0
    assert plan["votes_per_second"] > 0.0


def test_a_dry_run_plans_what_is_left_and_changes_nothing_that_is_there() -> None:
    gsmooth(*CERTIFY, "--limit=4")
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    result = gsmooth(*CERTIFY, "--dry-run")
    assert result.stdout.startswith("# 12 images, 8 of them to do;")
    done = gsmooth(*CERTIFY, "--limit=4", "--dry-run")
    assert "nothing: all images are recorded already" in done.stdout
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before
    other = gsmooth(*CERTIFY, "--sigma=0.5", "--dry-run")
    assert other.exit_code == 6


def test_a_dry_run_of_radius_mode_says_how_far_its_votes_reach() -> None:
    radius = ("--mode=radius", "--set=certify.n=640", "--l2=2.0", "--no-attack")
    result = gsmooth(*CERTIFY, *radius, "--dry-run")
    assert "704 (at most, fixed in advance; covers drawn of 3 images)" in result.stdout
    # sigma Phi^-1(0.001^(1/640)) = 0.5749, sigma = 0.25, rounded down.
    assert "0.574: what n votes that all agree can show" in result.stdout
    assert "opponent" not in result.stdout


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--l2=0.75", "--set=certify.max_votes=128"), 2),
        (("--mode=radius", "--set=certify.n=64", "--alpha=1e-30"), 2),
        (("--model=tmp_project_net:biuld",), 4),
        (("--data=nowhere.npz",), 3),
    ],
)
def test_a_dry_run_ends_as_the_run_would(flags: tuple[str, ...], code: int) -> None:
    result = gsmooth(*CERTIFY, *flags, "--dry-run")
    assert result.exit_code == code
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_the_saved_run_file_repeats_the_run() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    again = gsmooth("certify", "--config", "run/config.toml")
    assert again.exit_code == 0, again.output
    assert "2 of 2 images are in run already" in again.stderr


def test_a_moved_folder_goes_on_where_it_lies_now() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    Path("run").rename("moved")
    again = gsmooth("certify", "--config", "moved/config.toml", "--limit=3")
    assert again.exit_code == 0, again.output
    assert "2 of 3 images are in moved already" in again.stderr
    assert again.stdout.splitlines()[-1] == "moved/records.jsonl"
    assert not Path("run").exists()


def test_a_copied_folder_leaves_the_first_one_alone() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    before = {path: path.read_bytes() for path in Path("run").iterdir() if path.is_file()}
    shutil.copytree("run", "copy")
    assert gsmooth("certify", "--config", "copy/config.toml", "--limit=3").exit_code == 0
    assert {path: path.read_bytes() for path in Path("run").iterdir() if path.is_file()} == before
    assert tomllib.loads(Path("copy/config.toml").read_text())["output"]["folder"] == "copy"


def test_a_folder_that_is_named_wins_over_the_place_of_the_file() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    result = gsmooth("certify", "--config", "run/config.toml", "--out=other", "--limit=1")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "other/records.jsonl"


def test_a_run_file_without_records_beside_it_says_where_they_go() -> None:
    from gsmooth.runs.config import run_file
    from gsmooth.runs.records import folder

    gsmooth(*CERTIFY, "--limit=1")
    Path("config.toml").write_bytes(Path("run/config.toml").read_bytes())
    assert run_file.load_config(Path("config.toml")).output.folder == Path("run")
    assert run_file.HEADER_NAME == folder.HEADER_NAME


def test_report_draws_and_exports_what_certify_wrote() -> None:
    gsmooth(*CERTIFY)
    given = ("--data=images.npz", "--parquet=rows.parquet")
    result = gsmooth("report", "run", *given, "--json")
    assert result.exit_code == 0, result.output
    files = json.loads(result.stdout)["files"]
    assert files == ["run/curve.png", "run/curve.svg", "run/contact_sheet.png", "rows.parquet"]
    assert all(Path(file).stat().st_size > 0 for file in files)
    assert gsmooth("verify", "run").exit_code == 0


def test_report_puts_runs_side_by_side() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    gsmooth(*CERTIFY[:-1], "--out=other", "--limit=3", "--seed=1")
    result = gsmooth("report", "run", "other", "--out", "figures")
    assert result.exit_code == 0, result.output
    assert "other" in result.stdout
    assert Path("figures/curve.svg").exists()


def test_predict_prints_one_line_an_image() -> None:
    result = gsmooth("predict", *TMP_PROJECT, "--limit=3", "--n=128")
    assert result.exit_code == 0, result.output
    assert "3 images: standard accuracy of g 100.0%, 0 abstentions" in result.stdout
    document = json.loads(gsmooth("predict", *TMP_PROJECT, "--limit=3", "--n=128", "--json").stdout)
    assert [p["prediction"] for p in document["predictions"]] == [0, 1, 0]


def test_a_region_out_of_reach_names_the_least_number_of_votes() -> None:
    result = gsmooth(*CERTIFY, "--l2=0.75", "--set=certify.max_votes=128")
    assert result.exit_code == 2
    assert "max_votes has to be at least " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("flag", "code", "validation_error"),
    [
        ("--transformation=gausian", 5, "'gausian' is not registered (did you mean 'gaussian'?)"),
        ("--transformation=my_module:Shear", 5, "cannot import 'my_module'"),
        ("--model=tmp_project_net:biuld", 4, "did you mean 'build'?"),
        ("--model=missing.onnx", 4, "missing.onnx"),
        ("--model=shipped:digts", 4, "not shipped"),
        ("--data=nowhere.npz", 3, "there is no such file"),
        ("--data=shipped:digit", 2, "did you mean 'digits'?"),
        ("--device=gpu", 2, "device 'gpu' cannot be used here"),
    ],
)
def test_what_is_not_there_is_named_with_its_exit_code(
    flag: str, code: int, validation_error: str
) -> None:
    result = gsmooth(*CERTIFY, flag)
    assert result.exit_code == code, result.output
    assert validation_error in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("run").exists()


def test_two_runs_in_one_folder_are_refused() -> None:
    gsmooth(*CERTIFY, "--limit=2")
    result = gsmooth(*CERTIFY, "--sigma=0.5")
    assert result.exit_code == 6
    assert "smoothing.sigma: 0.25 there, 0.5 here" in result.stderr


def test_an_output_folder_that_is_a_file_is_exit_code_7() -> None:
    Path("run").write_text("")
    result = gsmooth(*CERTIFY)
    assert result.exit_code == 7
    assert "run cannot be written" in result.stderr


def test_train_writes_weights_that_certify_takes() -> None:
    recipe = ("--set=region.l2=0.1", "--set=train.variation=0", "--epochs=1", "--out=net.pt")
    result = gsmooth("train", *TMP_PROJECT, *recipe)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["net.pt", "net.toml"]
    assert "epoch 1/1: loss" in result.stderr
    assert gsmooth(*CERTIFY, "--set=model.weights=net.pt", "--limit=1").exit_code == 0

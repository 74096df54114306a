"""Bad input ends with one readable line on stderr and its documented exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli import app


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(code: int, *arguments: str) -> str:
    """The line on stderr of a command that ends with ``code`` and prints nothing else."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("gsmooth: ")
    return result.stderr.removeprefix("gsmooth: ").strip()


def test_a_typo_in_a_run_file_names_path_and_field(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[smoothing]\nsigm = 0.25\n")
    assert refused(2, "certify", "--config", "run.toml") == (
        "run.toml: smoothing.sigm: unknown field 'sigm' (did you mean 'sigma'?);"
        " [smoothing] has law, sigma, scales, grid, seed, seed_file"
    )


def test_a_typo_in_set_names_what_was_typed() -> None:
    line = refused(2, "certify", "--set", "smothing.sigma=1")
    assert line.startswith("--set smothing.sigma=1: smothing: unknown field 'smothing'")


def test_a_flag_out_of_range_names_the_flag() -> None:
    line = refused(2, "certify", "--alpha", "1.5")
    assert (
        line == "--alpha 1.5: certify.alpha: input should be less than or equal to 0.5; given: 1.5"
    )


@pytest.mark.parametrize(
    ("region", "validation_error"),
    [
        ("30", 'expected LOWER:UPPER for each parameter, e.g. --region "-30:30"'),
        ("-30:30:2", "expected LOWER:UPPER"),
        ("-30:x", "--region -30:x: 'x' is not a number"),
        ("10:30", "--region 10:30: region: the interval [10.0, 30.0] must be finite"),
    ],
)
def test_a_region_that_is_none_is_explained(region: str, validation_error: str) -> None:
    assert validation_error in refused(2, "certify", "--region", region)


def test_scales_must_be_numbers() -> None:
    assert refused(2, "certify", "--std", "6,wide") == ("--std 6,wide: 'wide' is not a number")


def test_a_missing_run_file_is_named() -> None:
    assert "run file none.toml cannot be read" in refused(2, "certify", "-c", "none.toml")


def test_parquet_is_for_one_run() -> None:
    line = refused(2, "report", "a", "b", "--parquet", "x.parquet")
    assert line == "--parquet exports one run; name a single folder"


def test_a_report_on_nothing_is_exit_code_6(tmp_path: Path) -> None:
    assert "cannot be read" in refused(6, "report", str(tmp_path))


@pytest.mark.parametrize("command", [["certify"], ["predict"], ["train", "--out", "m.pt"]])
def test_json_errors_are_one_document_on_stdout(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--set", "data.limit=0", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": {
            "kind": "ConfigurationError",
            "message": "--set data.limit=0: data.limit: input should be greater than or equal to 1;"
            " given: 0",
            "exit_code": 2,
        }
    }


def test_debug_shows_the_traceback_and_keeps_the_exit_code() -> None:
    result = CliRunner().invoke(app, ["certify", "--set", "x=1", "--debug"])
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "gsmooth: --set x=1: x: unknown field 'x'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["certify", "--l2", "x"], "invalid value for '--l2'"),
        (["certify", "--fast"], "no such option: --fast"),
        (["certify", "stray"], "got unexpected extra argument"),
        (["report"], "missing argument"),
        (["train"], "missing option '--out'"),
        (["frobnicate"], "no such command 'frobnicate'"),
    ],
)
def test_a_command_line_that_cannot_be_parsed_is_one_line_too(
    arguments: list[str], told: str
) -> None:
    line = refused(2, *arguments)
    assert line.startswith(told)
    assert "\n" not in line
    assert "--help shows what there is" in line


def test_a_command_line_that_cannot_be_parsed_is_json_on_request() -> None:
    result = CliRunner().invoke(app, ["certify", "--alpha", "abc", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["exit_code"] == 2


def test_a_field_that_takes_two_forms_names_both_in_one_line() -> None:
    assert refused(2, "certify", "--set", "engine.batch_size=0") == (
        "--set engine.batch_size=0: engine.batch_size: input should be greater than or equal to 1,"
        " or 'auto'; given: 0"
    )


def test_options_that_a_transformation_refuses_are_told_in_its_own_words() -> None:
    line = refused(2, "certify", "--set", "transformation.options.low_pass_px=-1")
    assert line.startswith(
        "transformation 'rotation': low_pass_px=-1.0 must be a positive number of pixels; given:"
    )


@pytest.mark.parametrize("command", ["verify", "report"])
def test_records_that_are_not_there_are_called_by_the_name_that_was_given(command: str) -> None:
    line = refused(6, command, "runs/typo")
    assert line.startswith("records runs/typo: there is no such file or folder; expected a run's")


def test_a_device_that_does_not_exist_is_told_what_would_do() -> None:
    line = refused(2, "certify", "--device", "gpu")
    assert line == (
        "device 'gpu' cannot be used here; expected cpu, or cuda:0 where torch.cuda.is_available()"
        " is true"
    )


@pytest.mark.parametrize("shape", ["28", "[28, 28]", "[0, 28, 28]", "[1, 28.5, 28]"])
def test_a_shape_that_is_none_is_told_what_a_shape_is(shape: str) -> None:
    line = refused(2, "certify", "--set", f"model.shape={shape}")
    assert "model.shape: expected [channels, height, width] of one image, e.g. [3, 32, 32];" in line


def test_an_exemption_is_asked_for_its_reason() -> None:
    assert refused(2, "check", "gaussian", "--exempt", "attack_is_differentiable") == (
        "--exempt attack_is_differentiable: expected CHECK=REASON"
    )


def test_an_old_flag_names_the_new_one() -> None:
    assert "--scales is now --std, e.g. --std angle=4" in refused(2, "certify", "--scales", "4")


def test_a_wrong_name_of_a_parameter_lists_the_right_ones() -> None:
    line = refused(2, "certify", "--std", "angel=4")
    assert "unknown parameter 'angel' (did you mean 'angle'?); rotation has" in line

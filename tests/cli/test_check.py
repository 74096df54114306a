"""``gsmooth check``: a readable report, its exit code, and code that repeats what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli import app

LOUDER = '''
from dataclasses import dataclass

from gsmooth import Parameter, Transformation


@dataclass(frozen=True)
class Louder(Transformation):
    """A gain that claims to be orthogonal."""

    base: float = 10.0

    name = "louder"
    parameters = (Parameter("gain", "dB"),)
    orthogonal = True

    def act(self, z, gain):
        return z * self.base ** (gain / 20.0)
'''
BROKEN, HELD = "action_preserves_distances", "action_at_zero_is_identity"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with the module ``louder_plugin`` in it."""
    (tmp_path / "louder_plugin.py").write_text(LOUDER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("louder_plugin", None)


def check(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["check", *arguments])
    return result.exit_code, result.stdout, result.stderr


def only(*names: str) -> list[str]:
    return [part for name in names for part in ("--only", name)]


def test_a_broken_promise_is_exit_code_10_with_a_counterexample_and_code_that_repeats_it() -> None:
    code, text, _ = check("louder_plugin:Louder", "--option", "base=9", *only(BROKEN, HELD))
    assert code == 10
    assert f"passed  {HELD}: T_0 z = z." in text
    assert f"failed  {BROKEN}: Louder(base=9.0): orthogonal is claimed" in text
    assert "1 passed, 1 failed" in text
    program = text[text.index("from gsmooth import Region") : text.index("\n)\n") + 3]
    assert "    theta=(1.0,)," in program
    with pytest.raises(AssertionError, match="orthogonal is claimed"):
        exec(f"from louder_plugin import Louder\n{program}", {})


def test_kept_promises_are_exit_code_0_and_what_is_skipped_says_why() -> None:
    code, text, _ = check("gaussian", "--shape", "2,4,5", "--examples", "5")
    assert code == 0
    assert "skipped parameters_commute: there is at most one parameter" in text
    assert "passed  attacks_never_beat_certificates" in text
    assert "failed" not in text


def test_an_exemption_is_printed_with_its_reason() -> None:
    exempt = ["--exempt", f"{BROKEN}=shown by hand, see a = b"]
    code, text, _ = check("louder_plugin:Louder", *exempt, *only(BROKEN))
    assert code == 0
    assert f"exempt  {BROKEN}: shown by hand, see a = b" in text


def test_json_holds_results_and_code() -> None:
    code, text, _ = check("louder_plugin:Louder", "--json", *only(BROKEN, HELD))
    document = json.loads(text)
    assert (code, document["transformation"], document["broken"]) == (
        10,
        "louder_plugin:Louder",
        1,
    )
    held, broken = document["checks"]
    assert (held["check"], held["status"], held["code"]) == (HELD, "passed", "")
    assert (broken["check"], broken["status"]) == (BROKEN, "failed")
    assert "repeat(" in broken["code"]


def test_the_region_and_the_seed_are_part_of_what_is_repeated() -> None:
    flags = ["--region", "-0.5:2", "--seed", "7", "--shape", "1,2,3"]
    _, text, _ = check("louder_plugin:Louder", *flags, *only(BROKEN))
    for part in ("region=Region((-0.5,), (2.0,))", "seed=7", "shape=(1, 2, 3)"):
        assert part in text


COLOURS = """
    def for_shape(self, shape):
        if shape[0] != 3:
            raise {error}
        return self
"""


@pytest.mark.parametrize(
    ("error", "code", "validation_error"),
    [
        ("ValueError('no hue')", 5, "for_shape of louder fails on images (1, 16, 16): ValueError"),
        ("gsmooth.errors.ConfigurationError('no hue')", 2, "no hue"),
    ],
)
def test_images_that_a_plugin_cannot_take_are_reported_once(
    folder: Path, error: str, code: int, validation_error: str
) -> None:
    source = LOUDER + COLOURS.format(error=error)
    (folder / "louder_plugin.py").write_text("import gsmooth.errors\n" + source)
    found, text, errors = check("louder_plugin:Louder")
    assert (found, text) == (code, "")
    assert validation_error in errors
    assert "the images tried are (1, 16, 16)" in errors
    assert check("louder_plugin:Louder", "--shape", "3,4,4", *only(HELD))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "validation_error"),
    [
        (["loudr_plugin:Louder"], 5, "cannot import 'loudr_plugin'"),
        (["rotatoin"], 5, "did you mean 'rotation'"),
        (["gaussian", "--option", "sigma=1"], 2, "unknown option 'sigma'"),
        (["gaussian", "--option", "sigma"], 2, "expected NAME=VALUE"),
        (["blur+brightness", "--option", "brightness.clop=true"], 2, "did you mean 'clip'"),
        (["blur+brightness", "--option", "blur=1", "--option", "blur.x=1"], 2, "'blur' is a value"),
        (["gaussian", "--shape", "28,28"], 2, "expected C,H,W"),
        (["gaussian", "--shape", "0,28,28"], 2, "at least 1"),
        (["gaussian", "--region", "-1:1"], 2, "one interval a parameter"),
        (["gaussian", "--only", "lift_is_liner"], 2, "did you mean 'lift_is_linear'"),
        (["gaussian", "--exempt", "lift_is_linear="], 2, "give the reason"),
    ],
)
def test_bad_input_says_what_to_do(arguments: list[str], code: int, validation_error: str) -> None:
    found, _, errors = check(*arguments)
    assert (found, validation_error in errors) == (code, True), errors

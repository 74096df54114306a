"""Completion, tried in a real bash: commands, flags, and the names that values can have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli import app, completion
from gsmooth.transforms import registry

BASH = shutil.which("bash")
# Sets what bash sets when TAB is pressed at the end of the line, and prints what is offered.
_TAB = """
eval "$(gsmooth completion bash)"
COMP_LINE="$1" COMP_POINT=${#1}
_gsmooth_completion gsmooth
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a command ``gsmooth`` that runs these sources, and a cache of its own."""
    command = tmp_path / "bin" / "gsmooth"
    command.parent.mkdir()
    call = "import sys; sys.argv[0] = 'gsmooth'; from gsmooth.cli import main; main()"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{call}" "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([p for p in sys.path if p])
    places = {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": path}
    return {**os.environ, **places, "XDG_CACHE_HOME": str(tmp_path)}


def offered(line: str, environment: dict[str, str]) -> list[str]:
    assert BASH is not None
    command = [BASH, "--noprofile", "--norc", "-c", _TAB, "bash", line]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gsmooth ver", ["verify"]),
        ("gsmooth certify --trans", ["--transformation"]),
        ("gsmooth certify -t rotation+bri", ["rotation+brightness"]),
        ("gsmooth certify --law=ha", ["haar"]),
        ("gsmooth certify --law ha", ["haar"]),
        ("gsmooth certify -c nothing.to", []),
    ],
)
def test_bash_completes(line: str, expected: list[str], environment: dict[str, str]) -> None:
    assert offered(line, environment) == expected


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize("flag", ["-m ", "--model="])
def test_bash_completes_behind_a_colon_what_it_does_not_have_yet(
    flag: str, environment: dict[str, str]
) -> None:
    assert offered(f"gsmooth certify {flag}shipped:digits-r", environment) == ["digits-rotation"]


def test_every_transformation_is_offered_also_behind_a_plus() -> None:
    every = list(registry.transformations())
    assert completion.transformations("") == every
    assert completion.transformations("rotation+") == [f"rotation+{name}" for name in every]


def test_models_laws_and_settings_are_offered() -> None:
    assert completion.models("shipped:digits") == ["shipped:digits-l2", "shipped:digits-rotation"]
    assert completion.settings("certify.max") == ["certify.max_votes="]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_every_shell(shell: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert "_GSMOOTH_COMPLETE" in result.stdout

"""``gsmooth`` itself: help that teaches, documented exit codes, and a light import."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import gsmooth
from gsmooth import errors
from gsmooth.cli import app
from gsmooth.runs.config.run_config import RunConfig
from site_tools.configuration_page import configuration_text

GUIDE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = (
    "quickstart",
    "init",
    "certify",
    "predict",
    "serve",
    "train",
    "report",
    "explain",
    "verify",
    "plugins",
    "check",
)


def shown(*arguments: str) -> str:
    """Standard output of a command that succeeds, without rich's line breaks and frames."""
    result = CliRunner().invoke(app, [*arguments], terminal_width=200)
    assert result.exit_code == 0, result.output
    return " ".join(re.sub(r"[│─╭╮╰╯]", " ", result.stdout).split())


def every_error() -> list[type[errors.GsmoothError]]:
    found = [errors.GsmoothError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found


def test_help_lists_every_command_and_exit_code() -> None:
    text = shown("--help")
    assert all(command in text for command in COMMANDS)
    assert all(f"{code} " in text for code in sorted({e.exit_code for e in every_error()} | {130}))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    usage, examples = shown(command, "--help").split("Example", 1)
    assert f"Usage: gsmooth {command}" in usage
    assert f"gsmooth {command}" in examples


def test_help_does_not_break_lines_where_the_source_does() -> None:
    assert "gives one and the same class everywhere in the region." in shown("--help")


def test_version() -> None:
    torch = importlib.metadata.version("torch")
    python = ".".join(map(str, sys.version_info[:3]))
    assert shown("--version") == f"gsmooth {gsmooth.__version__}, torch {torch}, Python {python}"


def test_an_unknown_command_or_flag_is_exit_code_2() -> None:
    assert CliRunner().invoke(app, ["certfy"]).exit_code == 2
    assert CliRunner().invoke(app, ["certify", "--sigm", "1"]).exit_code == 2


@pytest.mark.parametrize("error", every_error(), ids=lambda e: e.__name__)
def test_the_guide_documents_every_exit_code(error: type[errors.GsmoothError]) -> None:
    assert f"\n| {error.exit_code} | " in GUIDE


def test_the_guide_documents_every_field_of_a_run_file() -> None:
    def paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from paths(kind, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    reference = configuration_text()
    missing = [path for path in paths(RunConfig, "") if f"| `{path}` |" not in reference]
    assert missing == []


@pytest.mark.parametrize("arguments", [["--help"], ["certify", "--help"], ["--version"]])
def test_help_needs_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys, gsmooth.cli\n"
        f"try: gsmooth.cli.app({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'scipy'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_leaves_early_is_no_fault_of_other_code() -> None:
    """``gsmooth plugins | head -1``, with a reader that is gone before the first line."""
    begun = subprocess.Popen(
        [sys.executable, "-m", "gsmooth", "plugins"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert begun.stdout is not None
    begun.stdout.close()
    assert begun.stderr is not None
    told = begun.stderr.read()
    assert begun.wait() == 7
    assert told == (
        "gsmooth: what was to read the output was closed before all of it was printed\n"
    )
    begun.stderr.close()

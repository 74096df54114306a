"""gsmooth serve: from the command line to an answer, and to an end without an error."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gsmooth.cli import app
from tests.runs.tmp_project import SETTINGS, furnish
from tests.serving.pictures import png

httpx = pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

MODEL = (*(f"--set={one}" for one in SETTINGS if not one.startswith(("data.", "smoothing.seed"))),)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_server_answers_and_ends_with_0_when_it_is_told_to(end: signal.Signals) -> None:
    command = [sys.executable, "-m", "gsmooth", "serve", *MODEL, "--port=0", "--shape=1,4,4"]
    begun = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert begun.stderr is not None
    with begun.stderr as told:
        said: list[str] = []
        while not (line := told.readline()).startswith("serving on"):
            assert line, said
            said.append(line)
        assert any("drawn for this process" in line for line in said)
        url = line.split()[-1]
        assert url.startswith("http://127.0.0.1:")
        answer = httpx.post(f"{url}/predict", content=png(np.full((4, 4), 250, np.uint8)))
        assert answer.json()["label"] == 1
        begun.send_signal(end)
        assert begun.wait(timeout=60) == 0
        assert told.read() == ""


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--shape=4,4", "C,H,W"),
        ("--max-pixels=0", "at least 1"),
        ("--timeout=0", "above 0"),
        ("--set=smoothing.seed=0", "whoever knows the seed"),
        ("--host=no-such-host.invalid", "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(flag: str, told: str) -> None:
    result = CliRunner().invoke(app, ["serve", *MODEL, "--port=0", flag])
    assert result.exit_code == 2
    assert told in result.stderr


def test_the_help_says_what_a_proxy_is_for() -> None:
    help_text = " ".join(CliRunner().invoke(app, ["serve", "--help"]).stdout.split())
    assert "TLS, authentication and limits for each client belong to a proxy" in help_text

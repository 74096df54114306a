"""The type checker rejects a peeking loop: a fixed-n bound does not take streamed counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gsmooth.theory

PEEKING = """
from gsmooth.theory.bounds import FixedBound
from gsmooth.theory.sequential import StreamedSample

def peek(votes: list[bool]) -> int:
    for n in range(1, len(votes) + 1):
        if FixedBound(n, 0.001).lower(StreamedSample(sum(votes[:n]), n)) > 0.5:
            return n
    return 0
"""
STREAMING = PEEKING.replace("bounds import FixedBound", "sequential import EProcess").replace(
    "FixedBound(n, 0.001).lower(StreamedSample(sum(votes[:n]), n)) > 0.5",
    "EProcess(0.5, 0.001).accepts(StreamedSample(sum(votes[:n]), n))",
)
CROSSED = """
from gsmooth.theory.bounds import FixedSample
from gsmooth.theory.sequential import EProcess

EProcess(0.5, 0.001).accepts(FixedSample(1, 1))
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy prints about the snippets; numpy and scipy are left out, which keeps this fast."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("snippets")
    for name, text in (("peeking", PEEKING), ("streaming", STREAMING), ("crossed", CROSSED)):
        (folder / f"{name}.py").write_text(text)
    theory = Path(gsmooth.theory.__file__).parent
    rooms = [theory / f"{name}.py" for name in ("bounds", "sequential", "arguments")]
    options = ["--strict", "--follow-imports=skip", "--config-file=", "--explicit-package-bases"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", *options, f"--cache-dir={folder / 'cache'}"),
            *(str(file) for file in [*rooms, *folder.glob("*.py")]),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=theory.parent.parent,
        env={**os.environ, "MYPYPATH": f"{theory.parent.parent}{os.pathsep}{folder}"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def errors(complaints: str, name: str) -> list[str]:
    return [line for line in complaints.splitlines() if f"{name}.py" in line and "error:" in line]


def test_a_peeking_loop_does_not_type_check(complaints: str) -> None:
    found = errors(complaints, "peeking")
    assert len(found) == 1
    assert "StreamedSample" in found[0]
    assert "FixedSample" in found[0]


def test_an_e_process_loop_type_checks(complaints: str) -> None:
    assert errors(complaints, "streaming") == []


def test_fixed_counts_are_not_streamed_ones(complaints: str) -> None:
    assert len(errors(complaints, "crossed")) == 1

"""A temporary working directory, and calls of the command line in it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

from typer.testing import CliRunner

from gsmooth.cli import app
from tests.fuzz.trial import Found, last_lines
from tests.runs.tmp_project import furnish

IMAGES: Final = 4
TMP_PROJECT: Final = (
    "--model=tmp_project_net:build",
    "--set=model.shape=[1,4,4]",
    "--data=images.npz",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--l2=0.3",
    "--set=engine.batch_size=256",
    "--set=engine.threads=1",
    "--set=certify.max_votes=512",
    "--set=attack.n=64",
    "--set=smoothing.seed=0",
    f"--limit={IMAGES}",
    "--out=run",
)
DOCUMENTED: Final = frozenset(range(2, 13)) | {0}
"""Exit codes of ``gsmooth`` except those for an internal error and Ctrl-C."""


@contextmanager
def desk() -> Iterator[Path]:
    """Enter a new working directory with the files of tests/runs/tmp_project.py."""
    before, path = Path.cwd(), list(sys.path)
    with tempfile.TemporaryDirectory(prefix="gsmooth-fuzz-") as folder:
        os.chdir(folder)
        furnish(Path(folder))
        try:
            yield Path(folder)
        finally:
            os.chdir(before)
            sys.path[:] = path
            for name in [name for name in sys.modules if name.startswith("tmp_project_")]:
                del sys.modules[name]


def gsmooth(*arguments: str) -> int:
    """Return the exit code of a command; Found if it crashes or the code is not documented."""
    print("gsmooth", *arguments, flush=True)
    result = CliRunner().invoke(app, list(arguments))
    command = f"gsmooth {' '.join(map(ascii, arguments))}"
    crash = result.exception
    if crash is not None and not isinstance(crash, SystemExit):
        raise Found(f"{type(crash).__name__}: {crash}: {command}") from crash
    said = last_lines(result.stderr or "", 12)
    if result.exit_code not in DOCUMENTED:
        raise Found(f"exit code {result.exit_code}: {said.strip()}: {command}")
    if "Traceback" in said or "\x1b" in result.output:
        raise Found(f"a traceback or an escape is printed: {said!a}: {command}")
    return result.exit_code


def spoilt(rng: Random, data: bytes) -> bytes:
    """Return damaged bytes: cut, changed, doubled or replaced."""
    where = rng.randrange(len(data)) if data else 0
    size = rng.choice([1, 1, 4, 64, len(data) // 4 + 1])
    junk = rng.randbytes(min(size, 4096))
    return rng.choice(
        [
            data[:where],
            data[:where] + junk + data[where + len(junk) :],
            data[:where] + data[where + size :],
            data[:where] + junk + data[where:],
            data[:where] + data[where : where + size] * 3 + data[where + size :],
            b"",
            junk,
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            b"<!DOCTYPE html><html></html>",
        ]
    )

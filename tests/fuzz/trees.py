"""The Hypothesis tests of the tree, file by file, with examples drawn at random."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.trial import Found, last_lines

ROOT: Final = Path(__file__).parents[2]


def try_tests(seed: int) -> str:
    """All Hypothesis tests of one file; files come in turn as the seed grows."""
    files = _files()
    chosen = files[seed % len(files)]
    print(chosen, flush=True)
    run = subprocess.run(
        _command(chosen, seed),
        cwd=ROOT,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(_kept())},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        return "passed"
    if run.returncode == 5:
        return "nothing here"
    failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    first = (
        "; ".join(line[:300] for line in failed) or f"{chosen}: pytest ended with {run.returncode}"
    )
    raise Found(f"{first}\n{' '.join(_command(chosen, seed))}\n{last_lines(run.stdout, 80)}")


def _files() -> list[str]:
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in found if "@given" in path.read_text("utf-8")]


def _command(chosen: str, seed: int) -> list[str]:
    options = ["-m", "hypothesis", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    plain = ["-q", "-p", "no:cacheprovider", "-o", "timeout=0", "--tb=short"]
    return [sys.executable, "-m", "pytest", chosen, *options, *plain]


def _kept() -> Path:
    """Where Hypothesis keeps what failed, outside of the tree."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gsmooth" / "fuzz"

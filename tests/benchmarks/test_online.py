"""The benchmark of online covers, where no data are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suite import benchmark


def test_a_run_without_images_says_what_it_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``./scripts/bench`` runs every benchmark, and none may end the others."""
    benchmark.run("online", ["--out", str(tmp_path)])
    assert "give --data FILE.npz" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())

"""The benchmark of online covers, where no data are given."""

from __future__ import annotations

import sys

import pytest

from benchmarks import bench_online


def test_a_run_without_images_says_what_it_wants(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``./scripts/bench`` runs every benchmark, and none may end the others."""
    monkeypatch.setattr(sys, "argv", ["bench_online.py"])
    bench_online.main()
    assert "give --data FILE.npz" in capsys.readouterr().out

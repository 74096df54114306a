"""The benchmark of predictions under load: what it writes. How fast anything is, is not tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.suite.works import Subject
from tests.benchmarks.test_overhead import QUICK, small

pytest.importorskip("fastapi")
pytest.importorskip("httpx")


def test_latencies_and_rates_are_written_for_every_way_and_number_of_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Subject, "load", lambda name: small())
    run(
        [
            "serve",
            *QUICK,
            "--only",
            "digits-l2",
            "--callers",
            "1",
            "4",
            "--requests",
            "8",
            "--out",
            str(tmp_path),
        ]
    )
    found = json.loads((tmp_path / "serve.json").read_text())
    assert [(one["way"], one["callers"]) for one in found["lines"]] == [
        ("Predictor", 1),
        ("Predictor", 4),
        ("HTTP", 1),
        ("HTTP", 4),
    ]
    for one in found["lines"]:
        assert 0.0 < one["latency_ms"]["p50"] <= one["latency_ms"]["p99"]
        assert one["votes_per_s"] > 0.0
        assert one["requests"] >= 8

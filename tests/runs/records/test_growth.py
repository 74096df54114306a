"""The bookkeeping of many images: work and memory by the row, counted and not timed."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_records import repeat
from gsmooth.report.curves import certified_curve, draw_curves
from gsmooth.report.summary import summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.cost.forecast import Costs, Timeline
from gsmooth.runs.execute import run_certify
from gsmooth.runs.records import export
from gsmooth.runs.records.folder import RecordWriter, open_records, read_records
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN
from gsmooth.runs.verify.verify import verify_records
from tests.runs.tmp_project import Notebook, furnish, tmp_project_config

ROWS = 20_000
SOME = 100
"""What may come on top of the rows, however many there are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 rows of a finished run."""
    place = tmp_path_factory.mktemp("growth")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", [str(place), *sys.path])
        furnish(place)
        run_certify(tmp_project_config("smoothing.seed=0", "attack.enabled=false"), Notebook())
        sys.modules.pop("tmp_project_net", None)
    repeat(place / "run", place / "large", ROWS)
    return place / "large"


class Count:
    """How often something was called, and the sum of what that gave."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.calls = self.items = 0
        inner = getattr(owner, name)
        patch.setattr(owner, name, self._watched(inner))

    def _watched(self, inner: Callable[..., Any]) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            found = inner(*given, **named)
            self.calls += 1
            self.items += len(found) if isinstance(found, bytes) else 0
            return found

        return staticmethod(call)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Rows that are decoded."""
    return Count(monkeypatch, Row, "from_json")


def test_a_run_is_resumed_by_reading_its_file_once(
    folder: Path, decoded: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Count(monkeypatch, os, "pread")
    header = open_records(folder).header
    assert header.plan is not None
    with RecordWriter(folder, header) as writer:
        todo = [index for index in header.plan if index not in writer.done]
        assert writer.done is writer.done  # Asked for an index, it copies nothing.
    assert (todo, decoded.calls) == ([], ROWS)
    size = (folder / "records.jsonl").stat().st_size
    assert size <= read.items <= size + 2**21


def test_rows_are_decoded_once_to_report_on_them(
    folder: Path, tmp_path: Path, decoded: Count
) -> None:
    totals = Totals.of(open_records(folder))
    summary, curve = summarize(totals), certified_curve(totals)
    draw_curves([totals], tmp_path / "curve")
    assert len(totals.shown()) == 8
    assert (summary.images, curve.accuracy[0]) == (ROWS, summary.certified.value)
    assert ROWS <= decoded.calls <= ROWS + SOME


def test_rows_are_decoded_once_to_be_verified(folder: Path, decoded: Count) -> None:
    report = verify_records(folder)
    assert (report.checked, report.faults) == (ROWS, ())
    assert ROWS <= decoded.calls <= ROWS + SOME


def test_no_more_than_a_few_bytes_a_row_are_kept(folder: Path) -> None:
    list(read_records(folder).rows[:10])  # Imports and caches.
    tracemalloc.start()
    records = open_records(folder)
    opened, _ = tracemalloc.get_traced_memory()
    for _ in islice(records.rows, 2000):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert opened <= 40 * ROWS
    assert peak <= 80 * ROWS + 2**20  # 2000 rows would be 8 MB.


def test_any_row_is_found_without_the_others(folder: Path, decoded: Count) -> None:
    records = open_records(folder)
    assert [records.rows[place].index for place in (0, 777, -1)] == [0, 777, ROWS - 1]
    assert [row.index for row in records.rows[5:8]] == [5, 6, 7]
    assert decoded.calls == 6


def test_rows_are_exported_in_groups(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    small = replace(RUN, files=replace(RUN.files, group_rows=300))
    monkeypatch.setattr(export, "RUN", small)
    records = open_records(folder)
    few = type(records)(records.header, records.rows[:1000], records.path)
    export.export_parquet(few, tmp_path / "rows.parquet")
    found = parquet.ParquetFile(tmp_path / "rows.parquet")
    assert (found.metadata.num_rows, found.metadata.num_row_groups) == (1000, 4)
    assert found.read(columns=["index"])["index"].to_pylist() == list(range(1000))


def test_a_forecast_does_not_look_at_every_finished_image(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    seen = Costs.seen

    def watched(finished: Any, *given: Any) -> Costs:
        asked.append(len(finished))
        return seen(finished, *given)

    monkeypatch.setattr(Costs, "seen", staticmethod(watched))
    timeline = Timeline(2 * ROWS, most=5000.0)
    for index in range(ROWS):
        timeline.round({index: 64 * (1 + index % 70)}, 0.01)
        timeline.finished(index, 64 * (1 + index % 70))
        if index % 100 == 0:
            timeline.left(1.0 + index)
    assert max(asked) <= 70
    assert timeline.cast == sum(64 * (1 + index % 70) for index in range(ROWS))


def test_equal_costs_that_are_counted_are_as_good_as_listed_ones() -> None:
    import numpy as np

    costs = np.array([128.0, 128.0, 192.0, 500.0, 192.0, 128.0])
    flying = np.array([128.0, 300.0, 500.0])
    values, times = np.unique(costs, return_counts=True)
    listed = Costs.seen(costs, flying, 5000.0)
    counted = Costs.seen(values, flying, 5000.0, times.astype(np.float64))
    assert counted.mean() == pytest.approx(listed.mean(), rel=1e-12)
    assert counted.deviation() == pytest.approx(listed.deviation(), rel=1e-12)
    for spent in (0.0, 128.0, 200.0, 500.0, 700.0):
        assert counted.beyond(spent) == pytest.approx(listed.beyond(spent), rel=1e-12)

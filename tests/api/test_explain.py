"""Results explain themselves, as the records that they are saved as do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest

import gsmooth as gs
from gsmooth.errors import ConfigurationError
from gsmooth.report.explain.explanation import explain
from gsmooth.report.explain.limit import Limit
from gsmooth.runs.records.folder import open_records
from tests.api.objects import images, smoothed

BALL = gs.Region(l2=0.1)


def _told(lines: tuple[str, ...]) -> list[str]:
    """All sentences but the one with the answer without noise, which a result does not know."""
    return [line.partition(" Without noise")[0] for line in lines]


def test_a_result_says_what_its_record_says(tmp_path: Path) -> None:
    results = gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 0]).compute()
    records = open_records(results.save(tmp_path / "run"))
    for result in results:
        mine, recorded = result.explain(), explain(records, result.index)
        assert (mine.limit, mine.verdict) == (recorded.limit, recorded.verdict)
        assert _told(mine.why) == _told(recorded.why)
    assert [r.explain().limit for r in results][0::3] == [Limit.NONE, Limit.WRONG_CLASS]
    assert not results[2].certified
    assert results[2].explain().limit is not Limit.NONE


def test_radius_mode_is_explained_without_labels() -> None:
    results = gs.certify(smoothed(), images(), gs.Region(l2=2.0), mode="radius", n=200)
    found = results[0].explain()
    assert "set the limit" in str(found) or "hardest one" in str(found)
    assert "The true class" not in str(found)


def test_a_result_is_copied_and_pickled_without_its_batch() -> None:
    result = gs.certify(smoothed(), images(), BALL)[0]
    for made in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert made == result
        with pytest.raises(ConfigurationError, match="this result is a copy"):
            made.explain()
    assert "_results" not in asdict(result)


def test_a_restored_result_explains_itself(tmp_path: Path) -> None:
    gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 0]).save(tmp_path / "run")
    again = gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 0])
    again.save(tmp_path / "run")
    assert again[0].explain().limit is Limit.NONE

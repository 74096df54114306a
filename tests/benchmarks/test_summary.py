"""The tables of docs/performance.md are those of the committed results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import summary
from benchmarks.suite.results import describe
from benchmarks.suite.timing import Rates


def document(target: float, rates: tuple[float, float] = (8.0, 10.0)) -> dict[str, Any]:
    found = Rates("votes/s", {"votes": [rates[0]], "raw forwards": [rates[1]]})
    ratio = found.ratio("digits", "votes", "raw forwards", target)
    return {"ratios": [vars(ratio)], "timing": {"clock": "cpu"}, **describe()}


def test_the_page_shows_what_the_files_of_results_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a new measurement: ``python benchmarks/summary.py``."""
    monkeypatch.setattr(sys, "argv", ["summary.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        summary.main()
    assert ended.value.code == 0


def test_every_table_has_its_place_on_the_page() -> None:
    page = summary.PAGE.read_text("utf-8")
    assert sorted(found[1] for found in summary.BLOCK.findall(page)) == sorted(summary.TABLES)


@pytest.mark.parametrize(("target", "lost"), [(0.8, False), (0.85, True)])
def test_what_misses_its_target_is_in_bold(tmp_path: Path, target: float, lost: bool) -> None:
    (tmp_path / "overhead.json").write_text(json.dumps(document(target)))
    shown = summary.block("overhead", tmp_path)
    assert ("**0.80**" in shown) is lost
    assert ("missed**" in shown) is lost
    assert "8 / 10 votes/s" in shown
    assert "CPU seconds" in shown


def test_what_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    assert summary.block("gpu", tmp_path) == "Not measured here yet (`./scripts/bench gpu`)."


def test_blocks_are_replaced_and_the_rest_is_kept() -> None:
    page = "a\n<!-- table: noise -->\nold\n<!-- end -->\nb\n"
    assert summary.filled(page, {"noise": "new"}) == page.replace("old", "new")
    assert summary.filled(summary.filled(page, {"noise": "x"}), {"noise": "new"}) == page.replace(
        "old", "new"
    )

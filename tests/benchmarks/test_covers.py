"""The benchmark of covers: seconds and ratios of one run, here and in another tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.bench_covers import CoverCase, exponent, in_turn, line_of
from benchmarks.suite import benchmark
from benchmarks.suite.case import read
from benchmarks.suite.results import ROOT

SMALL = "photo-rotation-10-side-32"
CASES = [CoverCase.model_validate(case) for case in read("covers")["case"]]


def test_every_case_has_a_name_of_its_own_and_large_images_are_only_planned() -> None:
    every = [case for each in CASES for case in each.every()]
    assert len({case.name for case in every}) == len(every)
    assert {case.side for case in every if case.plan_only} == {224, 128, 64, 32}
    assert all(case.share is not None for case in every if case.plan_only)


def test_a_cover_is_measured_in_a_process_of_its_own_with_its_memory(tmp_path: Path) -> None:
    benchmark.run("covers", ["--only", SMALL, "--rounds", "1", "--out", str(tmp_path)])
    written = json.loads((tmp_path / "covers.json").read_text("utf-8"))
    (line,) = written["lines"]
    assert (line["case"], line["tree"], line["what"]) == (SMALL, "here", "seconds")
    assert line["cover_s"] > 0.0
    assert line["balls"] >= 1.0
    assert line["peak_bytes"] > line["above_idle_bytes"] >= 0
    assert {"versions", "machine", "commit", "exponent_of_side"} <= written.keys()


def test_a_process_that_runs_the_code_of_another_tree_is_refused(tmp_path: Path) -> None:
    (case,) = (each for each in CASES[-2].every() if each.name == SMALL)
    assert tmp_path != ROOT
    with pytest.raises(SystemExit, match="did not run the code of"):
        in_turn(case, {"elsewhere": tmp_path}, 1)


def test_a_ratio_is_of_all_of_region_mode_to_the_raw_passes_of_its_votes() -> None:
    turn = {"covers_s": 3.0, "votes_s": 1.0, "raw_s": 2.0, "votes": 10, "certified": 4}
    memory = {"peak_bytes": 300, "bytes_before": 100}
    line = line_of(CASES[0], "here", [{**turn, **memory}, {**turn, **memory, "raw_s": 1.0}])
    assert line["ratios"] == [2.0, 4.0]
    assert line["median"] == 3.0
    assert line["covers_share"] == 0.75
    assert line["above_idle_bytes"] == 200


def test_the_exponent_is_the_slope_between_sides() -> None:
    assert exponent({32: 1.0, 64: 8.0, 128: 64.0}) == pytest.approx(3.0)
    assert exponent({32: 1.0}) is None

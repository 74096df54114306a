"""The benchmark of centres: every line is a run of the shipped network, refused ones too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.suite import benchmark
from benchmarks.suite.case import cases

CASES = cases("centres")


def test_all_methods_are_compared_on_one_network_and_on_the_same_digits_of_a_region() -> None:
    assert len({case.name for case in CASES}) == len({case.cover for case in CASES}) == len(CASES)
    assert {case.network.spec for case in CASES} == {"shipped:digits-rotation"}
    assert {(case.region_text, case.data.every) for case in CASES} == {("±30°", 25), ("±3°", 400)}
    assert not any(case.attack.enabled for case in CASES)


def test_one_case_counts_by_the_nested_method_and_two_of_the_same_region_jointly() -> None:
    near = [case.name for case in CASES if case.region_text == "±3°"]
    assert near == ["nested-clean", "joint-clean", "joint-chosen"]
    assert [case.name for case in CASES if case.certify.mode == "nested"] == near[:1]


def test_a_method_that_no_votes_suffice_for_has_a_line_beside_one_that_certifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--only", "clean", "--only", "joint-clean", "--limit", "1"]
    folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path)]
    benchmark.run("centres", [*given, *folders])
    refused, certified = json.loads((tmp_path / "centres.json").read_text("utf-8"))["lines"]
    assert "no number of votes suffices" in refused["refused"]
    assert (refused["images"], refused["votes"]) == (0, None)
    assert (certified["images"], certified["reached"], certified["centres"]) == (1, 1.0, 1)
    assert (
        "| ±3° | joint (T4), one clean centre | 1 | 100.0 | 100.0 | 1 |" in capsys.readouterr().out
    )

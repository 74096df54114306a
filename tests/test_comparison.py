"""The comparison of two trees' records: every field that differs is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.comparison.cases import CASES, USUAL
from tests.comparison.differences import folder_differences, tree_differences
from tests.comparison.renames import renamed

ROOT = Path(__file__).parents[1]
STORED = ROOT / "tests/runs/records/stored/region"
OLD = {"votes": 1, "seconds": 0.5, "evidence": [{"margin": 0.25, "verdict": "futile"}]}


def test_equal_folders_have_no_differences(tmp_path: Path) -> None:
    shutil.copytree(STORED, tmp_path / "now")
    assert list(folder_differences(STORED, tmp_path / "now")) == []


def test_a_vote_more_and_a_missing_row_are_named(tmp_path: Path) -> None:
    shutil.copytree(STORED, tmp_path / "now")
    path = tmp_path / "now" / "records.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["evidence"][1]["trials"] += 1
    rows[0]["seconds"] += 1.0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:-1]))
    found = list(folder_differences(STORED, tmp_path / "now"))
    trials = rows[0]["evidence"][1]["trials"]
    assert sorted(found) == sorted(
        [
            f"image {rows[0]['index']}: evidence[1].trials: {trials - 1} before, {trials} now",
            f"image {json.loads((STORED / 'records.jsonl').read_text().splitlines()[-1])['index']}:"
            " no row now",
        ]
    )


def test_times_are_not_compared_and_zeros_of_two_types_differ() -> None:
    assert list(tree_differences(OLD, {**OLD, "seconds": 9.0}, "row")) == []
    assert list(tree_differences({"ties": 0}, {"ties": 0.0}, "row")) == [
        "row: ties: 0 before, 0.0 now"
    ]


def test_floats_may_differ_in_their_last_digits_and_counts_in_none() -> None:
    above = 0.25 * (1.0 + 4e-16)
    assert list(tree_differences({"margin": 0.25}, {"margin": above}, "row")) == []
    assert len(list(tree_differences({"margin": 0.25}, {"margin": 0.25 + 1e-11}, "row"))) == 1
    assert len(list(tree_differences({"votes": 10**15}, {"votes": 10**15 + 1}, "row"))) == 1


def test_a_renamed_field_is_compared_under_its_new_name() -> None:
    names = {"evidence.margin": "centres.radius", "evidence": "centres"}
    new = {"votes": 1, "centres": [{"radius": 0.25, "verdict": "futile"}]}
    assert list(tree_differences(OLD, new, "row", names)) == []
    assert list(tree_differences(OLD, new, "row", {"evidence": "centres"})) == [
        "row: centres[0].margin: 0.25 before, absent now",
        "row: centres[0].radius: absent before, 0.25 now",
    ]
    with pytest.raises(ValueError, match="has to stay on its level"):
        list(tree_differences(OLD, new, "row", {"evidence.margin": "margin"}))


def test_a_setting_takes_its_longest_fitting_name() -> None:
    names = {"smoothing": "noise", "smoothing.scales": "noise.std"}
    assert renamed("smoothing.scales", names) == "noise.std"
    assert renamed("smoothing.sigma", names) == "noise.sigma"
    assert renamed("smoothings", names) == "smoothings"


def test_every_case_is_small_and_repeatable() -> None:
    for settings in CASES.values():
        assert "smoothing.seed" in settings or "smoothing.seed_file" in settings
        assert (settings["data.limit"], settings["engine.threads"]) == (2, 1)
    assert USUAL["certify.max_votes"] <= 2000

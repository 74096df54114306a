"""The plan of a folder: which images it is to hold, whoever goes on with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.data.dataset import dataset_from_arrays
from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.runs.execute import run_certify
from gsmooth.runs.records.folder import RecordWriter, read_records, stored_header
from gsmooth.runs.records.planned_images import PlannedImages, repeated_images, spans_of
from gsmooth.runs.verify.presence import Presence
from gsmooth.runs.verify.verify import verify_records
from tests.runs.samples import CLAIMS, changed, make_header, make_row
from tests.runs.tmp_project import Notebook, enter, tmp_project_config


@given(st.sets(st.integers(0, 300), min_size=1))
def test_ranges_hold_the_positions_that_they_were_made_of(indices: set[int]) -> None:
    plan = PlannedImages(spans_of(sorted(indices)), 301)
    assert list(plan) == sorted(indices)
    assert len(plan) == len(indices)
    assert {index for index in range(-1, 302) if index in plan} == indices


@given(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60), min_size=1))
def test_two_plans_together_hold_what_either_does_once(one: set[int], two: set[int]) -> None:
    first, second = (PlannedImages(spans_of(sorted(part)), 61) for part in (one, two))
    assert sorted(first.joined(second)) == sorted(one | two)
    assert len(first.joined(second)) == len(one | two)


def test_a_whole_data_set_is_one_range() -> None:
    assert spans_of(range(10**5)) == ((0, 10**5, 1),)
    assert spans_of(range(3, 100, 7)) == ((3, 95, 7),)
    first = PlannedImages(((0, 50, 1),), 100)
    assert first.joined(PlannedImages(((0, 100, 1),), 100)).indices == ((0, 100, 1),)
    assert first.joined(first) is first


@pytest.mark.parametrize("repeats", [((1,),), ((1, 5),), ((-1, 0),)])
def test_repeats_that_are_no_groups_of_images_are_refused(repeats: tuple[tuple[int, ...]]) -> None:
    with pytest.raises(ConfigurationError, match="repeats"):
        PlannedImages(((0, 3, 1),), 3, repeats)


def test_images_that_are_equal_in_every_pixel_are_found() -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (7, 1, 4, 4)).astype(np.uint8)
    images[5], images[6], images[4] = images[1], images[1], images[0]
    found = repeated_images(dataset_from_arrays("some", images, np.zeros(7, dtype=int)))
    assert found == ((0, 4), (1, 5, 6))


def test_rows_of_images_that_the_data_set_repeats_may_have_one_digest() -> None:
    header = make_header(plan=PlannedImages(((0, 4, 1),), 4, ((1, 3),)))
    first, second = make_row(1), changed(make_row(1), index=3)
    presence = Presence(header)
    assert [*presence.faults_of(first), *presence.faults_of(second)] == []
    presence = Presence(header)
    other = [*presence.faults_of(first), *presence.faults_of(make_row(3))]
    assert [field for field, _ in other] == ["image_digest"]
    presence = Presence(header)
    forged = [*presence.faults_of(first), *presence.faults_of(changed(first, index=2))]
    assert [field for field, _ in forged] == ["image_digest"]


@pytest.fixture
def tmp_project_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


@pytest.mark.usefixtures("tmp_project_dir")
def test_a_run_that_goes_on_with_more_images_widens_the_plan() -> None:
    off = "attack.enabled=false"
    run_certify(tmp_project_config(off, "data.limit=2"), Notebook())
    assert verify_records("run").presence == "2 of 2 images present"
    run_certify(tmp_project_config(off, "data.every=3"), Notebook())
    assert verify_records("run").presence == "5 of 5 images present"
    run_certify(tmp_project_config(off, "data.limit=1"), Notebook())
    assert verify_records("run").presence == "5 of 5 images present"
    header = stored_header(Path("run"))
    assert header is not None
    assert header.plan is not None
    assert (sorted(header.plan), header.plan.images) == ([0, 1, 3, 6, 9], 12)


@pytest.mark.usefixtures("tmp_project_dir")
def test_equal_images_of_a_data_set_raise_no_alarm() -> None:
    images = np.stack([np.full((1, 4, 4), mean) for mean in (0.1, 0.9, 0.1)])
    np.savez("images.npz", x=images, y=np.array([0, 1, 0]))
    run_certify(tmp_project_config("attack.enabled=false"), Notebook())
    report = verify_records("run")
    assert report.complete
    assert report.sound
    assert json.loads(Path("run/run.json").read_text())["plan"]["repeats"] == [[0, 2]]
    digests = [row.image.image_digest for row in read_records("run").rows]
    assert digests[0] == digests[2] != digests[1]


def test_a_run_is_not_continued_under_other_claims(tmp_path: Path) -> None:
    with RecordWriter(tmp_path, make_header()) as writer:
        writer.write(make_row(0))
    weaker = replace(CLAIMS, derivative_bound=False)
    with pytest.raises(RecordError, match="claimed something else"):
        RecordWriter(tmp_path, make_header(capabilities=weaker))
    # The last digits of a norm are the machine's.
    near = replace(CLAIMS, lift_norm=1.0 + 2.0**-52)
    with RecordWriter(tmp_path, make_header(capabilities=near)) as writer:
        assert writer.header.capabilities == CLAIMS

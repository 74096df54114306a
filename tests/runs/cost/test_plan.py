"""The plan of a run: what it says beforehand, against what the run then takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gsmooth.runs.cost.dry_run import expected_forwards, tried_images
from gsmooth.runs.cost.forecast import Span
from gsmooth.runs.cost.plan import planned
from gsmooth.runs.execute import plan, run_certify
from gsmooth.runs.monitor.run_monitor import RunMonitor
from gsmooth.runs.records.folder import read_records
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

# So much noise that costs differ from image to image.
NOISY = ("smoothing.sigma=1.0", "region.l2=0.4")
SEQUENCE = ("certify.mode=radius", "certify.bound=sequence", "certify.n=2000")
FIXED = ("certify.mode=radius", "certify.n=640", "region.l2=1.0")


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


@pytest.mark.parametrize("settings", [NOISY, SEQUENCE])
def test_a_plan_that_tries_every_image_foretells_the_votes_of_the_run(
    settings: tuple[str, ...],
) -> None:
    config = tmp_project_config("attack.enabled=false", *settings)
    found = planned(plan(config), images=12, seconds=60.0)
    summary = run_certify(config, Notebook())
    assert len(found.tried) == 12
    assert found.votes.mean == pytest.approx(summary.votes, rel=0.5)
    assert found.votes.low <= summary.votes <= found.votes.high
    assert found.forwards == 0


def test_votes_that_are_fixed_in_advance_are_known_without_casting_them() -> None:
    config = tmp_project_config("attack.enabled=false", *FIXED)
    found = planned(plan(config))
    assert found.votes == Span(12 * 704, 12 * 704, 12 * 704)
    assert run_certify(config, Notebook()).votes == 12 * 704
    assert found.l2 is not None
    fractions = [
        row.claim.fraction for row in read_records("run").rows if row.claim.fraction is not None
    ]
    # No image reaches farther than unanimous votes can show.
    assert max(fractions) * 1.0 <= found.l2


def test_the_nested_method_is_planned_by_the_most_that_it_can_take() -> None:
    lies = ("transformation.name=tmp_project_net:BrokenTransformation", "smoothing.scales=[1.0]")
    region = ("region.lower=[0.0]", "region.upper=[0.5]", "region.l2=0.0")
    draws = ("certify.mode=nested", "certify.n_outer=20", "certify.n_inner=100")
    found = planned(plan(tmp_project_config(*lies, *region, *draws, "attack.enabled=false")))
    assert found.votes_an_image.high == 64 + 20 * 128


def test_the_trial_casts_none_of_the_votes_that_count() -> None:
    context = plan(tmp_project_config(*NOISY, "attack.enabled=false"))
    tried = tried_images(context, range(12), 60.0)
    again = tried_images(context, range(12), 60.0)
    assert [t.votes for t in tried] == [t.votes for t in again]
    rows = run_certify(tmp_project_config(*NOISY, "attack.enabled=false"), Notebook())
    assert [row.counts.votes for row in read_records(rows.folder).rows] != [t.votes for t in tried]


def test_a_trial_without_time_ends_after_its_first_round_and_says_what_may_come() -> None:
    context = plan(tmp_project_config(*NOISY))
    (tried,) = tried_images(context, range(12), 0.0)
    assert (tried.votes, tried.most) == (16, 5000)
    assert (tried.certified, tried.attack_votes) == (None, None)
    found = planned(context, seconds=0.0)
    assert found.votes_an_image == Span(16, (16 + 5000) / 2, 5000)
    assert found.forwards == expected_forwards(context)


def test_what_the_adversary_is_expected_to_cost_is_about_what_he_costs() -> None:
    turned = ("transformation.name=tmp_project_net:BrokenTransformation", "smoothing.scales=[1.0]")
    region = ("region.lower=[0.0]", "region.upper=[0.1]", "region.l2=0.0")
    context = plan(tmp_project_config(*turned, *region, "attack.gradient_steps=0"))
    tried = tried_images(context, [0], 60.0)
    assert tried[0].attack_votes == pytest.approx(expected_forwards(context), rel=0.4)


def test_images_are_tried_where_they_are_spread_over_what_is_left() -> None:
    run_certify(tmp_project_config("data.limit=3", "attack.enabled=false"), Notebook())
    found = planned(plan(tmp_project_config("attack.enabled=false")))
    assert (found.images, found.todo) == (12, 9)
    assert [tried.index for tried in found.tried] == [4, 7, 10]


def test_a_plan_adds_up() -> None:
    found = planned(plan(tmp_project_config(*NOISY)))
    an_image = found.votes_an_image.mean / found.pace.votes_per_second
    assert found.seconds.mean == pytest.approx(12 * (an_image + found.cover_s + found.attack_s))
    assert found.host_bytes is None or found.host_bytes > 10**7
    untried = replace(found, tried=tuple(replace(t, attack_s=None) for t in found.tried))
    assert untried.attack_s == found.forwards / found.pace.votes_per_second


def test_a_run_that_turns_out_long_says_so_once() -> None:
    config = tmp_project_config("attack.enabled=false", "engine.in_flight=1")
    run_certify(config, Notebook())
    rows = read_records("run").rows
    monitor = RunMonitor.opened(config, 12, 12)
    monitor.began -= 60.0
    said = []
    for row in rows[:6]:
        monitor.timeline.round({row.index: row.counts.votes}, 10.0)
        monitor.add(row, 0, 0.0)
        said += monitor.online_notices()
    assert len(said) == 1
    assert said[0].startswith("forecast from the first 3 images: ")
    assert "for the other 9 (" in said[0]


def test_a_short_run_is_not_foretold() -> None:
    progress = Notebook()
    run_certify(tmp_project_config(), progress)
    assert not any("forecast" in line for line in progress.lines)
    lefts = [state.forecast for state in progress.tallies]
    assert lefts[0] is None
    assert lefts[-1] == Span(0.0, 0.0, 0.0)


def test_nothing_is_foretold_once_all_images_are_done() -> None:
    config = tmp_project_config("data.limit=3", "attack.enabled=false")
    run_certify(config, Notebook())
    monitor = RunMonitor.opened(config, 3, 3)
    monitor.began -= 60.0
    for row in read_records("run").rows:
        monitor.add(row, 0, 0.0)
    assert monitor.online_notices() == []

"""The simulation of many workers: known times where nothing is left to chance, and bounds."""

from __future__ import annotations

import math

import pytest

from benchmarks.bench_scale import Machines, makespan, measured


def test_equal_images_on_equal_workers_take_their_share_of_the_time() -> None:
    calm = Machines(4, 0.0, math.inf, 60.0)
    assert makespan([1.0] * 64, calm, 8, 0) == (16.0, 0)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_run_takes_no_less_than_its_work_and_ends_within_one_image_of_it(workers: int) -> None:
    work = [1.0 + index % 7 for index in range(500)]
    seconds, _ = makespan(work, Machines(workers, 0.0, math.inf, 60.0), 32, 0)
    ideal = sum(work) / workers
    assert ideal <= seconds <= ideal + max(work)


def test_deaths_and_slow_workers_cost_time_and_lose_no_image() -> None:
    work = [10.0] * 2000
    calm, _ = makespan(work, Machines(8, 0.0, math.inf, 60.0), 32, 1)
    slow, _ = makespan(work, Machines(8, 0.25, math.inf, 60.0), 32, 1)
    rough, repeated = makespan(work, Machines(8, 0.25, 0.2, 60.0), 32, 1)
    assert calm < slow < rough
    assert slow == pytest.approx(calm * 8 / 7, rel=0.01)  # Six and twice a half.
    assert repeated > 0


def test_assumed_costs_have_the_mean_that_was_asked_for() -> None:
    costs = measured(None, votes=1000.0, rate=500.0, cover=3.0)
    assert sum(costs) / len(costs) == pytest.approx(5.0, rel=0.01)

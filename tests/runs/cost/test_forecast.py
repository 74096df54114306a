"""Time left: how far it is off on runs whose end is known, and how it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gsmooth.runs.cost.forecast import Costs, Span, Timeline, duration

Rng = np.random.Generator
RATE = 10_000.0
COVER_S, ATTACK_S = 0.02, 0.03
ROWS = 64


def skewed(rng: Rng, images: int) -> NDArray[np.int64]:
    """Most images cost a few hundred votes, one in eight runs on to 5,000."""
    usual = 64 * (2 + rng.poisson(rng.gamma(2.0, 4.0, images)))
    return np.where(rng.random(images) < 1 / 8, 4992, np.minimum(usual, 4992))


def equal(rng: Rng, images: int) -> NDArray[np.int64]:
    """Radius mode: every image costs the same."""
    return np.full(images, 3_008)


def hopeless(rng: Rng, images: int) -> NDArray[np.int64]:
    """Half are given up at once, half run on."""
    return np.where(rng.random(images) < 0.5, 128, 4992)


def play(
    costs: NDArray[np.int64], in_flight: int, told: bool = True, most: float = 5000.0
) -> Iterator[tuple[float, int, Span | None]]:
    """(seconds, images done, time left) of a run in which images fly together, round by round."""
    timeline, now, done = Timeline(len(costs), most), 0.0, 0
    waiting, spent = iter(range(len(costs))), dict[int, int]()
    while True:
        while len(spent) < in_flight and (index := next(waiting, None)) is not None:
            spent[index] = 0
            now += COVER_S
        if not spent:
            return
        rows = {index: min(ROWS, int(costs[index]) - votes) for index, votes in spent.items()}
        seconds = sum(rows.values()) / RATE
        now += seconds
        spent = {index: votes + rows[index] for index, votes in spent.items()}
        if told:
            timeline.round(spent, seconds)
        for index in [i for i, votes in spent.items() if votes == costs[i]]:
            del spent[index]
            now += ATTACK_S
            done += 1
            timeline.finished(index, int(costs[index]), ATTACK_S)
            yield now, done, timeline.left(now)


CASES = [(skewed, 16), (skewed, 64), (skewed, 1), (equal, 16), (hopeless, 16), (hopeless, 64)]


@pytest.mark.parametrize(("kind", "in_flight"), CASES)
def test_the_forecast_is_near_at_a_quarter_a_half_and_three_quarters(
    kind: Callable[[Rng, int], NDArray[np.int64]], in_flight: int
) -> None:
    errors = {0.25: [], 0.5: [], 0.75: []}  # type: dict[float, list[float]]
    held = []
    for seed in range(5):
        told = list(play(kind(np.random.default_rng(seed), 200), in_flight))
        end = told[-1][0]
        for part, found in errors.items():
            seconds, _, left = next(t for t in told if t[0] >= part * end and t[2])
            assert left is not None
            found.append((seconds + left.mean) / end - 1.0)
            held.append(left.low <= end - seconds <= left.high)
    # Of the whole run's time: how far off the foretold end is.
    for part, most, bias in ((0.25, 0.6, 0.1), (0.5, 0.15, 0.08), (0.75, 0.07, 0.03)):
        assert np.abs(errors[part]).max() < most
        assert abs(np.mean(errors[part])) < bias
    assert np.mean(held) > 0.8


@pytest.mark.parametrize(("kind", "in_flight"), CASES)
def test_a_burst_of_cheap_images_does_not_make_the_rest_look_cheap(
    kind: Callable[[Rng, int], NDArray[np.int64]], in_flight: int
) -> None:
    for seed in range(2):
        told = list(play(kind(np.random.default_rng(seed), 200), in_flight))
        end = told[-1][0]
        for seconds, done, left in told[:-1]:
            if left is not None and done >= 8:
                assert (seconds + left.high) / end > 0.6
                assert (seconds + left.low) / end < 1.3


@pytest.mark.parametrize(("kind", "in_flight"), CASES)
def test_the_foretold_end_does_not_jump(
    kind: Callable[[Rng, int], NDArray[np.int64]], in_flight: int
) -> None:
    told = list(play(kind(np.random.default_rng(3), 200), in_flight))
    end = told[-1][0]
    late = [seconds + left.mean for seconds, _, left in told if left and seconds > 0.25 * end]
    assert np.abs(np.diff(late)).max() < 0.1 * end


def test_nothing_is_foretold_before_the_first_image_is_done() -> None:
    timeline = Timeline(10)
    assert timeline.left(1.0) is None
    timeline.round({0: 64, 1: 64}, 0.5)
    assert timeline.left(1.0) is None
    assert timeline.cast == 128
    timeline.finished(0, 64)
    assert timeline.cast == 128
    # The other one may be finished, too: no report about it has come yet.
    assert timeline.left(1.0) is None
    timeline.round({1: 128}, 0.5)
    assert timeline.left(1.5) is not None


def test_time_left_is_never_nothing_while_images_are_open() -> None:
    told = list(play(hopeless(np.random.default_rng(0), 40), 16))
    assert sum(left is None for _, _, left in told) < 16
    for _, done, left in told:
        if left is None:
            continue
        assert (left.low > 0.0) == (done < 40)
        assert left.low <= left.mean <= left.high


def test_one_image_is_not_taken_for_all() -> None:
    told = list(play(equal(np.random.default_rng(0), 50), 1, told=False))
    left = told[0][2]
    assert left is not None
    assert left.high / left.low > 3.0
    assert " to " in left.spoken()


def test_without_rounds_images_are_taken_to_go_on_as_they_did() -> None:
    told = list(play(equal(np.random.default_rng(0), 50), 1, told=False))
    for seconds, done, left in told[:-1]:
        assert left is not None
        assert left.mean == pytest.approx(seconds / done * (50 - done))


def test_a_machine_that_slows_down_is_believed_before_long() -> None:
    timeline, now = Timeline(1000), 0.0
    for index in range(200):
        seconds = 0.01 if index < 100 else 0.04
        now += seconds
        timeline.round({index: 100}, seconds)
        timeline.finished(index, 100)
    left = timeline.left(now)
    assert left is not None
    assert left.mean == pytest.approx(800 * 0.04, rel=0.1)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_with_nothing_in_flight_costs_have_the_mean_and_spread_of_what_was_seen(
    costs: list[int],
) -> None:
    seen = Costs.seen(np.array(costs, dtype=np.float64), np.array([]))
    assert seen.mean() == pytest.approx(np.mean(costs))
    assert seen.deviation() == pytest.approx(np.std(costs), abs=1e-3 * max(costs))


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=20),
    st.lists(st.integers(0, 5000), min_size=1, max_size=20),
)
def test_images_in_flight_only_ever_raise_what_is_expected(
    finished: list[int], flying: list[int]
) -> None:
    done, open_ = np.array(finished, dtype=np.float64), np.array(flying, dtype=np.float64)
    seen = Costs.seen(done, open_)
    assert seen.mean() >= np.mean(finished) - 1e-6 or min(flying) < max(finished)
    assert all(seen.beyond(spent) >= 0.0 for spent in flying)
    assert seen.mean() > 0.0
    assert np.isfinite(seen.deviation())


def test_costs_are_estimated_without_bias_from_a_censored_sample() -> None:
    rng, means = np.random.default_rng(0), []
    for _ in range(100):
        cost, until = rng.exponential(100.0, 200), rng.uniform(20.0, 600.0, 200)
        seen = Costs.seen(cost[cost <= until], until[cost > until])
        means.append(seen.mean())
    assert np.mean(means) == pytest.approx(100.0, rel=0.05)


def test_times_are_said_in_two_digits() -> None:
    said = [duration(s) for s in (0.0, 0.4, 7.26, 59.0, 89.0, 100.0, 3600.0, 9000.0, 4e5)]
    assert said == ["1 s", "1 s", "7.3 s", "59 s", "89 s", "1.7 min", "60 min", "2.5 h", "4.6 days"]


def test_a_forecast_is_one_number_where_it_is_known_and_a_range_where_it_is_not() -> None:
    assert Span(110.0, 120.0, 130.0).spoken() == "about 2 min"
    assert Span(120.0, 200.0, 300.0).spoken() == "2 to 5 min"
    assert Span(45.0, 60.0, 120.0).spoken() == "45 s to 2 min"
    assert Span(1.0, 2.0, 3.0).times(60.0).plus(60.0) == Span(120.0, 180.0, 240.0)

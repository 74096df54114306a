"""The forecast of votes is that of the exact dynamic program, and orders hopeless cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gsmooth.certification.stopping import votes_to_next_look
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.centre_test import CentreTest, ClassCounts
from gsmooth.theory.exact import boundary_rule, exact_outcome
from gsmooth.theory.expected_samples import expected_votes
from gsmooth.theory.sequential import EProcess

ALPHA = 0.001
CHANCES = (0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.985, 0.993, 0.997, 0.999)
shares = st.floats(0.0, 1.0)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.774, 0.85, 0.9, 0.95, 0.98])
def test_the_forecast_is_that_of_the_dynamic_program_where_acceptance_is_likely(
    share: float,
) -> None:
    rule = boundary_rule(EProcess(share, ALPHA), 2000)
    checked = 0
    for p in (p for p in CHANCES if p > share):
        exact = exact_outcome(rule, p, 2000)
        if exact.accept > 0.95:
            checked += 1
            forecast = float(expected_votes(share, p, ALPHA, most=2000))
            # Few failures are followed exactly, so what is left is the table's grid.
            few = exact.expected_trials * (1.0 - p) < 10.0
            assert forecast == pytest.approx(exact.expected_trials, rel=0.05 if few else 0.2)
    assert checked


@pytest.mark.parametrize(("alpha", "most"), [(0.05, 400), (1e-6, 100_000)])
def test_other_levels_and_budgets_are_forecast_as_well(alpha: float, most: int) -> None:
    for share, p in ((0.6, 0.9), (0.9, 0.98)):
        rule = boundary_rule(EProcess(share, alpha), min(most, 3000))
        exact = exact_outcome(rule, p, min(most, 3000))
        forecast = float(expected_votes(share, p, alpha, most=most))
        assert forecast == pytest.approx(exact.expected_trials, rel=0.1, abs=1.0)


def spent(share: float, p: float, most: int) -> tuple[float, float, float]:
    """Votes, looks and acceptance of the product's schedule, exactly: state by state."""
    test = CentreTest(share, ALPHA)
    states = {(0, 0): 1.0}
    votes = seen = accepted = 0.0
    while states:
        cast, won = min(states)
        chance = states.pop((cast, won))
        sample = ClassCounts(won, (), cast) if cast else None
        rows = votes_to_next_look(test, sample, most - cast)
        if rows is None or chance < 1e-12:
            continue
        votes, seen = votes + chance * rows, seen + chance
        for more, weight in enumerate(stats.binom.pmf(np.arange(rows + 1), rows, p)):
            then = (cast + rows, won + more)
            if test.accepts(ClassCounts(then[1], (), then[0])):
                accepted += chance * weight
            elif chance * weight > 1e-12:
                states[then] = states.get(then, 0.0) + chance * weight
    return votes, seen, accepted


@pytest.mark.parametrize(("share", "p"), [(0.7, 0.97), (0.8, 0.99), (0.84, 0.999), (0.55, 0.9)])
def test_looking_when_votes_could_suffice_costs_what_looking_at_every_vote_does(
    share: float, p: float
) -> None:
    most = 200
    rule = boundary_rule(EProcess(share, ALPHA), most)
    every_vote = exact_outcome(rule, p, most)
    votes, seen, accepted = spent(share, p, most)
    # Both give up where the rest could not suffice; within a chunk a loser is noticed later.
    assert accepted == pytest.approx(every_vote.accept, abs=1e-7)
    assert every_vote.expected_trials - 1e-6 <= votes < 1.01 * every_vote.expected_trials
    assert votes < 0.8 * exact_outcome(rule, p, most, CHUNK).expected_trials
    assert seen < 4.0


@given(shares, shares, shares, st.sampled_from([640, 5000]))
def test_a_larger_share_costs_more_and_a_larger_chance_less(
    one: float, other: float, p: float, most: int
) -> None:
    low, high = sorted((one, other))
    slack = 1.0 + 1e-9
    asked = expected_votes([low, high], p, ALPHA, most=most)
    assert asked[0] <= asked[1] * slack
    if p < 1.0:
        given_ = expected_votes(p, [low, high], ALPHA, most=most)
        assert given_[1] <= given_[0] * slack


def test_what_cannot_be_decided_costs_more_than_everything_and_the_worse_the_more() -> None:
    cost = expected_votes([0.9, 0.9, 0.9, 0.95, 1.0], [0.9, 0.7, 0.0, 0.0, 1.0], ALPHA)
    assert cost[0] > 5000
    assert np.all(np.diff(cost) > 0)
    assert np.isfinite(cost[:-1]).all()
    assert np.isinf(cost[-1])


def test_shares_and_chances_broadcast() -> None:
    cost = expected_votes(np.full((3, 1), 0.7), np.linspace(0.8, 0.9, 4), ALPHA)
    assert cost.shape == (3, 4)
    assert cost[2, 3] == expected_votes(0.7, 0.9, ALPHA)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0.7, 1.2, ALPHA), {}),
        ((float("nan"), 0.5, ALPHA), {}),
        ((0.7, 0.9, 0.0), {}),
        ((0.7, 0.9, ALPHA), {"most": 0}),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    arguments: tuple[float, float, float], options: dict[str, int]
) -> None:
    with pytest.raises(ConfigurationError):
        expected_votes(*arguments, **options)

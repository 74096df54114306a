"""The forecast of votes is that of the exact dynamic program, and orders hopeless cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.errors import ConfigurationError
from gsmooth.theory.exact import boundary_rule, exact_outcome
from gsmooth.theory.foresight import expected_votes
from gsmooth.theory.sequential import EProcess

ALPHA = 0.001
CHANCES = (0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.985, 0.993, 0.997, 0.999)
shares = st.floats(0.0, 1.0)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.774, 0.85, 0.9, 0.95, 0.98, 0.99])
def test_the_forecast_is_that_of_the_dynamic_program_where_acceptance_is_likely(
    share: float,
) -> None:
    rule = boundary_rule(EProcess(share, ALPHA), 5000)
    checked = 0
    for p in (p for p in CHANCES if p > share):
        exact = exact_outcome(rule, p, 5000, 64)
        if exact.accept > 0.95:
            checked += 1
            forecast = float(expected_votes(share, p, ALPHA))
            allowed = max(32.0, 0.2 * exact.expected_trials)
            assert abs(forecast - exact.expected_trials) <= allowed, (share, p)
    assert checked


@pytest.mark.parametrize(("alpha", "chunk", "most"), [(0.05, 16, 400), (1e-6, 64, 100_000)])
def test_other_levels_and_looks_are_forecast_as_well(alpha: float, chunk: int, most: int) -> None:
    for share, p in ((0.6, 0.9), (0.9, 0.98)):
        rule = boundary_rule(EProcess(share, alpha), min(most, 3000))
        exact = exact_outcome(rule, p, min(most, 3000), chunk)
        forecast = float(expected_votes(share, p, alpha, chunk=chunk, most=most))
        assert forecast == pytest.approx(exact.expected_trials, rel=0.2, abs=chunk / 2)


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
        ((0.7, 0.9, ALPHA), {"chunk": 0}),
        ((0.7, 0.9, ALPHA), {"most": 10}),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    arguments: tuple[float, float, float], options: dict[str, int]
) -> None:
    with pytest.raises(ConfigurationError):
        expected_votes(*arguments, **options)

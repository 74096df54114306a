from __future__ import annotations

import math
from decimal import Decimal

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.normal import ROUNDING, raise_margin, required_p_of_margin
from gsmooth.theory.radii import (
    gaussian_radius,
    gaussian_required_p,
    general_margin,
    round_down,
    target_margin,
)

distances = st.floats(0.0, 6.0)
probabilities = st.sampled_from([0.0, 1e-12, 1e-6, 0.01, 0.2])


def exact_phi(x: object) -> mpmath.mpf:
    return mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2


@given(st.floats(0.5, 1.0 - 1e-9, exclude_min=True))
def test_gaussian_radius_is_below_the_exact_quantile_and_close_to_it(p_lower: float) -> None:
    with mpmath.workdps(40):
        radius = gaussian_radius(p_lower, 1.0)
        assert exact_phi(radius) <= mpmath.mpf(p_lower)
        assert exact_phi(radius + 1e-12 + 1e-4 * (1 - p_lower)) > mpmath.mpf(p_lower) * (1 - 1e-13)


@given(st.floats(0.0, 8.0))
def test_gaussian_share_is_above_the_exact_share_and_close_to_it(radius: float) -> None:
    with mpmath.workdps(40):
        share = gaussian_required_p(radius, 1.0)
        exact = exact_phi(radius)
        assert exact < mpmath.mpf(share) or share == 1.0
        assert mpmath.mpf(share) - exact < 2e-14


@settings(max_examples=40)
@given(distances, distances, probabilities, probabilities)
def test_margins_are_above_their_formulas_and_close_to_them(
    shift: float, residual: float, rho0: float, tv: float
) -> None:
    with mpmath.workdps(60):
        half = mpmath.mpf(1) / 2
        joint = float(general_margin(shift, residual, tv=tv))
        goal = mpmath.sqrt(mpmath.mpf(shift) ** 2 + mpmath.mpf(residual) ** 2) + quantile(half + tv)
        assert_rounded_up(joint, goal, tv)
        general = float(general_margin(shift, residual, rho0, tv))
        assert_rounded_up(general, goal - quantile(half + tv) + quantile(half + rho0 + tv), tv)


def quantile(p: mpmath.mpf) -> mpmath.mpf:
    """Phi^-1 by bisection on exact_phi."""
    low, high = mpmath.mpf(-12), mpmath.mpf(12)
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (middle, high) if exact_phi(middle) < p else (low, middle)
    return (low + high) / 2


def assert_rounded_up(margin: float, goal: mpmath.mpf, tv: float) -> None:
    """Phi(margin) >= Phi(goal) + tv, compared as failures, and not by much more."""
    left = exact_phi(-goal) - mpmath.mpf(tv)
    if left <= 0:
        assert margin == math.inf
    elif math.isfinite(margin):
        assert exact_phi(-mpmath.mpf(margin)) <= left * (1 + mpmath.mpf(10) ** -20)
        assert exact_phi(-mpmath.mpf(margin)) >= left - exact_phi(-goal) * 1e-11


@given(distances, distances, st.floats(0.0, 0.2), probabilities)
def test_the_general_margin_lies_between_pythagoras_and_jensen(
    shift: float, residual: float, rho0: float, tv: float
) -> None:
    # By hand: Phi(t + a) - Phi(t) <= Phi(a) - Phi(0) for t, a >= 0, and hypot is at most the sum.
    slack = 1.0 - 1e-12
    general = float(general_margin(shift, residual, rho0, tv))
    assert general >= slack * general_margin(shift, residual, tv=tv)
    jensen = raise_margin(shift + target_margin(residual, rho0, tv), tv)
    assert general * slack <= jensen + 1e-12
    assert general_margin(shift, residual) == np.hypot(shift, residual) * (1.0 + ROUNDING)


def test_a_failure_of_half_the_noise_leaves_nothing() -> None:
    assert float(general_margin(0.1, 0.1, 0.5)) == math.inf
    assert float(general_margin(0.0, 0.0, 0.3, 0.2)) == math.inf
    assert float(general_margin(0.0, 0.0, 0.3)) == pytest.approx(stats.norm.ppf(0.8), rel=1e-12)


def test_target_margin_is_what_the_residual_and_its_failure_ask() -> None:
    expected = stats.norm.ppf(stats.norm.cdf(0.7) + 0.05)
    assert float(target_margin(0.7, 0.05)) == pytest.approx(expected, rel=1e-12)
    assert float(target_margin(0.7, 0.3)) == math.inf
    assert target_margin([0.0, 1.0, math.inf]).tolist()[0] == 0.0


def test_radius_with_a_bound_on_the_second_class() -> None:
    expected = 0.25 * (stats.norm.ppf(0.7) - stats.norm.ppf(0.1))
    assert gaussian_radius(0.7, 0.5, 0.1) == pytest.approx(expected, rel=1e-12)
    # The second class has at most what the first leaves.
    assert gaussian_radius(0.7, 0.5, 0.9) == gaussian_radius(0.7, 0.5)
    assert gaussian_radius(0.4, 0.5, 0.4) == 0.0
    assert gaussian_radius(0.4, 0.5, 0.3) > 0.0
    with pytest.raises(ConfigurationError, match="p_second_upper"):
        gaussian_radius(0.7, 0.5, 0.0)


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0, exclude_max=True))
def test_gaussian_radius_grows_with_p_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert gaussian_radius(low, 0.5) <= gaussian_radius(high, 0.5)


def test_gaussian_radius_without_noise_is_zero_and_no_share_reaches_more() -> None:
    assert gaussian_radius(0.9, 0.0) == 0.0
    assert gaussian_required_p(0.1, 0.0) == 1.0
    assert gaussian_required_p(0.0, 0.0) < 0.51


@given(st.floats(0.0, 3.0), st.floats(0.0, 0.3))
def test_without_a_residual_the_general_margin_is_the_published_form_of_the_nested_method(
    shift: float, rho: float
) -> None:
    # Fischer et al. (2020): the class is kept where Phi(Phi^-1(p) - shift) - rho > 1/2.
    p = float(required_p_of_margin(general_margin(shift, 0.0, rho)))
    kept = stats.norm.cdf(stats.norm.ppf(p) - shift) - rho
    assert kept == pytest.approx(0.5, abs=1e-9)


@given(st.floats(0.0, 1e6), st.integers(0, 8))
def test_a_printed_radius_never_reads_as_more_than_the_stored_one(
    value: float, digits: int
) -> None:
    printed = f"{round_down(value, digits):.{digits}f}"
    assert Decimal(printed) <= Decimal(repr(value))
    assert Decimal(repr(value)) - Decimal(printed) < Decimal(1).scaleb(-digits)
    assert float(printed) <= value


def test_round_down_examples() -> None:
    assert round_down(0.7499999, 2) == 0.74
    assert round_down(0.3, 3) == 0.3
    assert round_down(0.1 + 0.2, 3) == 0.3
    assert round_down(0.0009, 3) == 0.0
    assert round_down(-0.0001, 3) == -0.001
    assert round_down(math.inf, 3) == math.inf
    with pytest.raises(ConfigurationError, match="nan"):
        round_down(math.nan, 3)


def test_distances_must_not_be_negative_or_nan() -> None:
    for bad in (-1.0, math.nan, np.array([0.0, -1e-300])):
        with pytest.raises(ConfigurationError, match="shift"):
            general_margin(bad, 0.0)
        with pytest.raises(ConfigurationError, match="residual"):
            general_margin(0.0, bad)

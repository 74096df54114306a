"""T5 against classifiers whose vote shares are quadratures: none breaks it, one attains it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.radii import general_margin

Floats = npt.NDArray[np.float64]
# Gauss and Hermite: exact for polynomials of degree 319 under the standard normal.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
# For votes that jump in beta: midpoints of equally likely cells.
CELLS = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)

shifts = st.floats(0.0, 2.5)
residuals = st.floats(0.0, 2.5)


def attacked_share(level: float, slope: float, shift: float, residual: float, rho0: float) -> float:
    """Votes left of a class with q(b) = Phi(level - slope b) at every T_b z_c.

    Each vote is attacked by an error of norm ``residual``, and lost where beta falls short of its
    rho0-quantile: that is where the class has most votes.
    """
    kept = stats.norm.cdf(CELLS) > rho0
    votes = stats.norm.cdf(level - slope * (CELLS + shift) - residual)
    return float(np.mean(votes * kept))


@given(shifts, residuals, st.sampled_from([0.0, 1e-4, 0.01, 0.1]), st.floats(-6.0, 6.0))
def test_no_slope_of_the_required_share_is_lost(
    shift: float, residual: float, rho0: float, slope: float
) -> None:
    level = float(general_margin(shift, residual, rho0)) * math.hypot(1.0, slope)
    assert attacked_share(level, slope, shift, residual, rho0) >= 0.5 - 1e-4


@given(st.floats(0.05, 2.5), st.floats(0.05, 2.5))
def test_the_worst_slope_is_lost_exactly_at_the_required_share(
    shift: float, residual: float
) -> None:
    slope = shift / residual
    assume(slope < 20.0)
    level = float(general_margin(shift, residual)) * math.hypot(1.0, slope)
    assert attacked_share(level, slope, shift, residual, 0.0) == pytest.approx(0.5, abs=2e-4)


@pytest.mark.parametrize("rho0", [1e-4, 0.001, 0.01])
def test_a_failure_of_the_error_costs_about_what_is_asked_for_it(rho0: float) -> None:
    shift, residual = 1.5, 0.3
    slope = shift / residual
    level = float(general_margin(shift, residual, rho0)) * math.hypot(1.0, slope)
    lost = attacked_share(level, slope, shift, residual, rho0)
    assert 0.5 - 1e-4 <= lost <= 0.5 + 1e-3 * rho0 + 1e-4


def test_a_margin_five_per_cent_short_is_seen() -> None:
    level = 0.95 * float(general_margin(1.0, 0.5)) * math.hypot(1.0, 2.0)
    assert attacked_share(level, 2.0, 1.0, 0.5, 0.0) < 0.49


@settings(max_examples=50)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12),
    st.floats(0.1, 2.0),
    st.floats(0.05, 2.0),
    st.sampled_from([0.0, 0.01, 0.1]),
)
def test_no_step_function_of_theta_keeps_less_than_is_proved(
    steps: list[float], shift: float, residual: float, rho0: float
) -> None:
    """q is constant on intervals of beta, the error fails where most votes are lost by it."""
    edges = np.linspace(-3.0, 3.0, len(steps) - 1)
    chosen = np.array(steps)

    def q(beta: Floats) -> Floats:
        return np.asarray(chosen[np.searchsorted(edges, beta)])

    share = float(np.mean(q(CELLS)))
    votes = stats.norm.cdf(stats.norm.ppf(q(CELLS + shift)) - residual)
    worst = np.sort(votes)[: len(votes) - round(rho0 * len(votes))].sum() / len(votes)
    proved = stats.norm.cdf(stats.norm.ppf(share) - math.hypot(shift, residual)) - rho0
    assert worst >= proved - 1e-3
    if share > stats.norm.cdf(general_margin(shift, residual, rho0)) + 1e-3:
        assert worst > 0.5


directions = st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)).map(np.array)


@settings(max_examples=60)
@given(
    directions,
    directions,
    directions,
    st.floats(-1.0, 1.0),
    st.floats(0.05, 0.8),
    st.sampled_from([1e-4, 0.001, 0.01]),
)
def test_no_half_space_behind_a_gain_is_lost(
    centre: Floats, error: Floats, weights: Floats, gamma: float, scale: float, rho0: float
) -> None:
    """T_theta z = 2^theta z is exact and not orthogonal: the error grows with theta."""
    assume(float(np.linalg.norm(weights)) > 0.1)
    weights = weights / np.linalg.norm(weights)
    law = GaussianLaw((scale,), 0.5, orthogonal=False)
    loudest = scale * float(stats.norm.isf(rho0))
    bound = 2.0 ** (gamma + loudest) * float(np.linalg.norm(error))
    share = float(law.required_p([gamma], bound, rho0=rho0))
    assume(share < 1.0 - 1e-9)

    def votes(offset: float, point: Floats, moved: float) -> float:
        lead = offset - 2.0 ** (scale * NODES + moved) * float(weights @ point)
        return float(WEIGHTS @ stats.norm.cdf(lead / law.sigma))

    offset = optimize.brentq(lambda b: votes(b, centre, 0.0) - share, -60.0, 60.0, xtol=1e-12)
    assert votes(offset, centre + error, gamma) >= 0.5 - 1e-7

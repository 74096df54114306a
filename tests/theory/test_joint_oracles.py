"""T4 against classifiers whose vote shares are known exactly (O1, O2)."""

from __future__ import annotations

import cmath
import math

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import ROUNDING

Floats = npt.NDArray[np.float64]
directions = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3)


def half_space_lead(
    law: GaussianLaw, weights: Floats, move: Floats, gamma: float, error: Floats
) -> tuple[mpmath.mpf, float]:
    """How far z' lies inside 1[w.z < b], in stds, and the margin; exact, but for 50 digits.

    b is such that the centre has exactly the share Phi(margin): z' has Phi(lead) of the votes. The
    action is the translation T_theta z = z + theta move, an affine isometry.
    """
    residual = math.nextafter(float(np.linalg.norm(error)), math.inf)
    margin = float(law.margin([gamma], residual))
    with mpmath.workdps(50):
        w, u, e = (
            [mpmath.mpf(value) for value in part.tolist()] for part in (weights, move, error)
        )
        along = mpmath.fdot(w, u)
        variance = (law.scales[0] * along) ** 2 + mpmath.mpf(law.sigma) ** 2 * mpmath.fdot(w, w)
        shift = mpmath.mpf(gamma) * along + mpmath.fdot(w, e)
        return margin - shift / mpmath.sqrt(variance), margin


@given(directions, directions, directions, st.floats(-5.0, 5.0))
def test_no_half_space_of_the_required_share_is_lost(
    weights: list[float], move: list[float], error: list[float], gamma: float
) -> None:
    assume(float(np.linalg.norm(weights)) > 1e-3)
    law = GaussianLaw((3.0,), 0.5)
    lead, _ = half_space_lead(law, np.array(weights), np.array(move), gamma, np.array(error))
    assert lead >= 0.0


@given(directions, st.floats(0.01, 5.0), st.floats(0.1, 10.0), st.floats(0.1, 2.0))
@example([0.3125, 0.0625, 0.0], 3.0, 0.125, 2.0)
def test_the_worst_half_space_is_lost_exactly_at_the_required_share(
    move: list[float], gamma: float, scale: float, sigma: float
) -> None:
    along = np.array(move)
    assume(float(along @ along) > 0.1)
    law = GaussianLaw((scale,), sigma)
    error = gamma * (sigma / scale) ** 2 * along / float(along @ along)
    lead, margin = half_space_lead(law, error, along, gamma, error)
    # Rounded up by ROUNDING = 32 halves of an ulp; the dozen operations around err by one each.
    assert 0.0 <= lead <= 1.5 * ROUNDING * margin


def test_additive_half_space_radius_is_its_distance() -> None:
    law = GaussianLaw((), 0.25)
    for distance in (0.01, 0.2, 0.7):
        share = float(stats.norm.cdf(distance / law.sigma))
        assert law.radius(share) <= distance
        assert law.radius(share) == pytest.approx(distance, rel=1e-9)


def arc_share(point: complex, start: float, width: float, law: GaussianLaw) -> float:
    """P(the phase of e^(i beta) point + delta lies in the arc), by periodic quadrature.

    delta turns the phase by a projected normal angle, beta by an independent normal one.
    """
    angle = np.linspace(-np.pi, np.pi, 512, endpoint=False)
    forward = abs(point) / law.sigma * np.cos(angle)
    kappa = abs(point) / law.sigma
    density = np.exp(-0.5 * kappa**2) / (2 * np.pi) + forward / np.sqrt(2 * np.pi) * np.exp(
        -0.5 * (kappa * np.sin(angle)) ** 2
    ) * stats.norm.cdf(forward)
    turns = 2 * np.pi * np.arange(-6, 7)[:, None]
    first = start - cmath.phase(point) - angle + turns
    scale = law.scales[0]
    inside = stats.norm.cdf((first + width) / scale) - stats.norm.cdf(first / scale)
    return float(np.mean(density * inside.sum(axis=0)) * 2 * np.pi)


def arc_lost_at(point: complex, start: float, law: GaussianLaw) -> float:
    """Width at which the arc's share at ``point`` is one half."""
    return float(
        optimize.brentq(lambda w: arc_share(point, start, w, law) - 0.5, 0.0, 2 * np.pi, xtol=1e-13)
    )


points = st.tuples(st.floats(0.2, 4.0), st.floats(-3.0, 3.0)).map(lambda p: cmath.rect(*p))


@settings(max_examples=50)
@given(
    points,
    st.floats(-2.0, 2.0),
    st.tuples(st.floats(0.0, 1.0), st.floats(-3.0, 3.0)).map(lambda p: cmath.rect(*p)),
    st.floats(-3.0, 3.0),
    st.floats(0.2, 1.5),
    st.floats(0.1, 1.0),
)
def test_no_arc_of_phases_of_the_required_share_is_lost(
    centre: complex, gamma: float, error: complex, start: float, scale: float, sigma: float
) -> None:
    law = GaussianLaw((scale,), sigma)
    attacked = cmath.exp(1j * gamma) * (centre + error)
    width = arc_lost_at(attacked, start, law)
    at_centre = arc_share(centre, start, width, law)
    assert at_centre <= float(law.required_p([gamma], abs(error))) + 1e-9


def test_the_arc_oracle_agrees_with_simulation_and_sees_a_margin_ten_per_cent_short() -> None:
    law, centre, gamma = GaussianLaw((0.3,), 0.05), 2.0 + 0.0j, 0.4
    generator = np.random.default_rng(3)
    beta = 0.3 * generator.standard_normal(200_000)
    delta = 0.05 * (generator.standard_normal((200_000, 2)) @ [1.0, 1.0j])
    phase = np.angle(np.exp(1j * beta) * centre + delta)
    seen = float(np.mean((phase > -2.0) & (phase < 0.3)))
    assert arc_share(centre, -2.0, 2.3, law) == pytest.approx(seen, abs=0.005)
    attacked = cmath.exp(1j * gamma) * centre
    at_centre = arc_share(centre, -2.5, arc_lost_at(attacked, -2.5, law), law)
    assert at_centre > float(stats.norm.cdf(0.9 * float(law.margin([gamma]))))

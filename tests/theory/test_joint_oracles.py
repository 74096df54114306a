"""T4 against classifiers whose vote shares are known exactly (O1, O2)."""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from gsmooth.theory import GaussianLaw

Floats = npt.NDArray[np.float64]
directions = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3)


def half_space_shares(
    law: GaussianLaw, weights: Floats, move: Floats, gamma: float, error: Floats
) -> float:
    """Vote share at z' of 1[w.z < b], b such that the centre has exactly the required share.

    The action is the translation T_theta z = z + theta move, an affine isometry.
    """
    scale = law.scales[0]
    spread = math.hypot(scale * float(weights @ move), law.sigma * float(np.linalg.norm(weights)))
    offset = gamma * float(weights @ move) + float(weights @ error)
    margin = float(law.margin([gamma], float(np.linalg.norm(error))))
    return float(stats.norm.cdf(margin - offset / spread))


@given(directions, directions, directions, st.floats(-5.0, 5.0))
def test_no_half_space_of_the_required_share_is_lost(
    weights: list[float], move: list[float], error: list[float], gamma: float
) -> None:
    assume(float(np.linalg.norm(weights)) > 1e-3)
    law = GaussianLaw((3.0,), 0.5)
    share = half_space_shares(law, np.array(weights), np.array(move), gamma, np.array(error))
    assert share >= 0.5 - 1e-12


@given(directions, st.floats(0.01, 5.0), st.floats(0.1, 10.0), st.floats(0.1, 2.0))
def test_the_worst_half_space_is_lost_exactly_at_the_required_share(
    move: list[float], gamma: float, scale: float, sigma: float
) -> None:
    along = np.array(move)
    assume(float(along @ along) > 0.1)
    law = GaussianLaw((scale,), sigma)
    error = gamma * (sigma / scale) ** 2 * along / float(along @ along)
    assert half_space_shares(law, error, along, gamma, error) == pytest.approx(0.5, abs=1e-12)


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
    assert at_centre <= float(law.required_share([gamma], abs(error))) + 1e-9


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

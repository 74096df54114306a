"""T7 by quadrature: half-spaces in R^2 to R^4 under a circle, and what the theorem needs.

The share of a half-space {w z > b} at z, T_beta uniform on a circle and delta ~ N(0, sigma^2 I), is
the mean over the circle of Phi((w T_beta z - b) / (sigma |w|)). The integrand is analytic and
periodic, so that equally spaced points give its mean to machine precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError
from gsmooth.theory.haar import HaarLaw
from gsmooth.theory.laws import GaussianLaw, law_from_name
from gsmooth.theory.normal import normal_cdf, normal_quantile
from gsmooth.theory.parameter_noise import Gaussian, Haar, Uniform, joint_law, noise_from_name

Floats = NDArray[np.floating[Any]]
Act = Callable[[Floats], Floats]
"""Matrices (n, d, d) of the angles (n,), in degrees."""

CIRCLE = np.arange(360) * 1.0
SIGMA = 0.4


def turning(orders: Sequence[int], fixed: int = 0) -> Act:
    """Rotations of one plane for each of the orders; the last ``fixed`` coordinates stay."""

    def act(angle: Floats) -> Floats:
        size = 2 * len(orders) + fixed
        found = np.tile(np.eye(size), (len(angle), 1, 1))
        for place, order in enumerate(orders):
            turned, row = np.radians(order * angle), 2 * place
            found[:, row, row] = found[:, row + 1, row + 1] = np.cos(turned)
            found[:, row, row + 1], found[:, row + 1, row] = -np.sin(turned), np.sin(turned)
        return found

    return act


def share(w: Floats, b: float, matrices: Floats, z: Floats, std: float = 0.0) -> float:
    """The share of {w z > b}; std: of Gaussian noise on the last coordinate beside delta."""
    spread = np.hypot(SIGMA * np.linalg.norm(w), std * w[-1])
    return float(normal_cdf((matrices @ z @ w - b) / spread).mean())


def margin_of(p: float) -> float:
    """Phi^-1(p); a p that float64 cannot tell from 1 is taken as a smaller one."""
    return float(normal_quantile(np.array(min(p, 1.0 - 1e-9))))


SPACES = [([1], 0), ([1], 1), ([2], 1), ([1, 2], 0), ([1], 2)]
"""R^2, R^3 with an axis, the same at twice the speed, R^4 with two planes, R^4 with two axes."""


@pytest.mark.parametrize(("orders", "fixed"), SPACES)
def test_no_probability_changes_along_an_orbit(orders: list[int], fixed: int) -> None:
    act, rng = turning(orders, fixed), np.random.default_rng(0)
    circle = act(CIRCLE)
    for _ in range(20):
        w, z = rng.normal(size=(2, circle.shape[1]))
        b = rng.normal()
        here = share(w, b, circle, z)
        for gamma in (17.3, 90.0, 211.7):
            there = share(w, b, circle, act(np.array([gamma]))[0] @ z)
            assert there == pytest.approx(here, abs=1e-12)


@pytest.mark.parametrize(("orders", "fixed"), SPACES)
def test_a_class_keeps_what_the_law_says_of_its_residual(orders: list[int], fixed: int) -> None:
    act, rng = turning(orders, fixed), np.random.default_rng(1)
    circle, law = act(CIRCLE), HaarLaw((0,), (360.0,), SIGMA)
    kept = 0
    for _ in range(200):
        w, z, e = rng.normal(size=(3, circle.shape[1]))
        b = rng.normal() - 1.0
        e *= rng.uniform(0.0, 0.8) / np.linalg.norm(e)
        gamma = rng.uniform(-360.0, 360.0)
        p = share(w, b, circle, z)
        there = share(w, b, circle, act(np.array([gamma]))[0] @ (z + e))
        assert there >= normal_cdf(margin_of(p) - np.linalg.norm(e) / SIGMA) - 1e-12
        if p > law.required_p([gamma], np.linalg.norm(e)):
            kept += 1
            assert there > 0.5
    assert kept > 20


def test_the_residual_alone_is_paid_for_exactly_where_the_half_space_is_round() -> None:
    # w along the fixed axis: the share does not depend on beta, and T1 is attained.
    act, w, z = turning([1], 1), np.array([0.0, 0.0, 1.0]), np.array([1.0, 2.0, 0.5])
    e = np.array([0.0, 0.0, -0.3])
    p = share(w, 0.1, act(CIRCLE), z)
    required_p = float(HaarLaw((0,), (360.0,), SIGMA).required_p([123.0], 0.3))
    there = share(w, 0.1, act(CIRCLE), act(np.array([123.0]))[0] @ (z + e))
    assert margin_of(there) == pytest.approx(margin_of(p) - 0.3 / SIGMA, abs=1e-9)
    assert margin_of(required_p) == pytest.approx(0.3 / SIGMA, abs=1e-9)


def test_beside_gaussian_noise_shift_and_residual_add_at_right_angles() -> None:
    act, rng, std = turning([1], 1), np.random.default_rng(2), 0.7
    circle, law = act(CIRCLE), HaarLaw((0,), (360.0, std), SIGMA)
    kept = 0
    for _ in range(300):
        w, z, e = rng.normal(size=(3, 3))
        b, pushed = rng.normal() - 1.0, rng.uniform(-0.8, 0.8)
        e *= rng.uniform(0.0, 0.5) / np.linalg.norm(e)
        gamma = rng.uniform(-360.0, 360.0)
        p = share(w, b, circle, z, std)
        moved = act(np.array([gamma]))[0] @ (z + e) + np.array([0.0, 0.0, pushed])
        there = share(w, b, circle, moved, std)
        distance = np.hypot(pushed / std, np.linalg.norm(e) / SIGMA)
        assert there >= normal_cdf(margin_of(p) - distance) - 1e-12
        if p > law.required_p([gamma, pushed], np.linalg.norm(e)):
            kept += 1
            assert there > 0.5
    assert kept > 20


def test_the_margin_is_that_of_the_gaussian_axes() -> None:
    rng = np.random.default_rng(3)
    shift, residual = rng.normal(size=(50, 3)), np.abs(rng.normal(size=50))
    haar = HaarLaw((1,), (2.0, 28.0, 0.5), SIGMA)
    plain = GaussianLaw((2.0, 0.5), SIGMA)
    for rho0, tv in ((0.0, 0.0), (0.01, 1e-6)):
        found = haar.margin(shift, residual, rho0=rho0, tv=tv)
        wanted = plain.margin(shift[:, [0, 2]], residual, rho0=rho0, tv=tv)
        assert np.array_equal(found, wanted)


def test_a_law_that_forgets_one_of_two_circles_is_false() -> None:
    both, w = turning([1], 2), np.array([0.0, 0.0, 1.0, 0.0])
    z = np.array([0.3, 0.2, 1.0, 0.0])
    second = turning([0, 1])(np.array([180.0]))[0]
    claimed = float(HaarLaw((0, 1), (360.0, 360.0), SIGMA).required_p([0.0, 180.0]))
    # Noise on the first circle only: the law above would call the second one free as well.
    assert share(w, 0.0, both(CIRCLE), z) > claimed
    assert share(w, 0.0, both(CIRCLE), second @ z) < 0.5


@pytest.mark.parametrize("factor", [0.5, 1.0 / 3.0, 1.5])
def test_a_period_that_is_wrong_by_a_factor_is_false(factor: float) -> None:
    act, w, z = turning([1]), np.array([1.0, 0.0]), np.array([1.0, 0.0])
    # From -half to half of a wrong period, around the angle 0.
    arc = act((CIRCLE - 180.0) * factor)
    shares = [share(w, 0.4, arc, act(np.array([gamma]))[0] @ z) for gamma in (0.0, 180.0)]
    assert abs(shares[0] - shares[1]) > 0.05
    whole = [share(w, 0.4, act(2.0 * CIRCLE), act(np.array([g]))[0] @ z) for g in (0.0, 180.0)]
    assert whole[0] == pytest.approx(whole[1], abs=1e-12)  # A multiple of the period is one.


def test_a_periodic_action_that_changes_lengths_is_false() -> None:
    skew = np.array([[1.0, 0.0], [0.0, 8.0]])
    circle = skew @ turning([1])(CIRCLE) @ np.linalg.inv(skew)
    w, z, e = np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([0.1, 0.0])
    p, there = share(w, -7.8, circle, z), share(w, -7.8, circle, z + e)
    assert there < normal_cdf(margin_of(p) - 0.1 / SIGMA) - 0.02


def test_without_commuting_actions_the_claim_is_false() -> None:
    """Rotations T about z (Haar) and S about x (Gaussian), votes at T_beta S_b z, the set |z3| < t.

    S_b leaves the x-axis alone and T_beta the third coordinate, so the share is 1 at gamma = 0 and
    falls along the orbit of T: at T_gamma e_x it is P(|sin gamma sin b| < t).
    """
    b = (np.arange(200_001) / 200_000 - 0.5) * 16.0
    density = np.exp(-(b**2) / 2.0)
    density /= density.sum()

    def orbit(gamma: float) -> float:
        return float(density[np.abs(np.sin(np.radians(gamma)) * np.sin(b)) < 0.5].sum())

    found = [orbit(gamma) for gamma in (0.0, 45.0, 90.0)]
    assert found == pytest.approx([1.0, 0.59, 0.41], abs=0.01)
    claimed = float(HaarLaw((0,), (360.0, 57.3), SIGMA).required_p([90.0, 0.0]))
    assert found[0] > claimed > found[2]


def test_brightness_along_what_is_turned_is_false() -> None:
    # S_b adds b to the first coordinate, which the rotation moves: T_gamma v = v does not hold.
    act, w, std = turning([1]), np.array([1.0, 0.0]), 0.5
    circle, z = act(CIRCLE), np.array([3.0, 0.0])
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def votes(point: Floats) -> float:
        ring = [share(w, 2.0, circle, point + np.array([b * std, 0.0])) for b in nodes]
        return float(np.array(ring) @ weights / weights.sum())

    first, last = votes(z), votes(act(np.array([180.0]))[0] @ z)
    assert first == pytest.approx(last, abs=1e-9)  # Alone the symmetry hides it ...
    pushed = np.array([0.9, 0.0])
    # ... but the attack psi = T_gamma after the push is no shift of b: it arrives turned.
    ahead, behind = votes(z + pushed), votes(act(np.array([180.0]))[0] @ z + pushed)
    assert abs(ahead - behind) > 0.05


def test_samples_are_a_coset_of_a_finite_group() -> None:
    ticks = np.array([[0.0], [1.0], [2.0**51], [2.0**52 - 1.0]])
    theta = HaarLaw((0,), (64.0,), SIGMA).theta_from_uniform((ticks + 0.5) * 2.0**-52)
    assert theta[:, 0].tolist() == ((ticks[:, 0] + 0.5) * 64.0 * 2.0**-52).tolist()


def test_a_parameter_with_steps_takes_its_multiples_below_the_period() -> None:
    law = HaarLaw((0,), (4.0,), SIGMA, steps=(1.0,))
    u = (np.arange(1000)[:, None] + 0.5) / 1000.0
    values, counts = np.unique(law.theta_from_uniform(u), return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([0.0, 1.0, 2.0, 3.0], [250] * 4)


def test_a_period_that_is_not_known_yet_gives_margins_and_no_samples() -> None:
    law = law_from_name("haar", (0.0,), SIGMA)
    assert float(law.margin([50.0], 0.0)) < 1e-12
    with pytest.raises(ConfigurationError, match="period of axis 0 is not known"):
        law.theta_from_uniform([[0.5]])


def test_radii_are_on_top_of_every_orientation() -> None:
    law = HaarLaw((0,), (360.0,), 0.25)
    assert law.radius(0.9) == pytest.approx(0.25 * margin_of(0.9))
    assert law.required_p_for_radius(law.radius(0.9)) < 0.9


def test_haar_noise_stands_beside_gaussian_noise_only() -> None:
    joint = joint_law([Haar(), Gaussian(0.1), Haar()], SIGMA)
    assert joint == HaarLaw((0, 2), (0.0, 0.1, 0.0), SIGMA)
    with pytest.raises(ConfigurationError, match="haar and uniform beside other parameters"):
        joint_law([Haar(), Uniform(0.1)], SIGMA)
    assert noise_from_name("haar", 0.0) == Haar()
    with pytest.raises(ConfigurationError, match="did you mean 'haar'"):
        noise_from_name("harr", 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), (1.0,), SIGMA), "at least one of the 1 axes"),
        (((1, 0), (1.0, 1.0), SIGMA), "ascending"),
        (((2,), (1.0, 1.0), SIGMA), "each once"),
        (((0,), (360.0,), 0.0), "sigma"),
        (((0,), (-1.0,), SIGMA), "scale"),
        (((0,), (4.0,), SIGMA, True, (), (3.0,)), "whole multiple"),
        (((0,), (4.0,), SIGMA, True, (), (1.0, 1.0)), "one for each of 1 axes"),
        (((0,), (360.0, 0.1), SIGMA, True, (1,)), "carries noise"),
    ],
)
def test_a_law_without_a_proof_is_not_built(arguments: tuple, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConfigurationError, match=message):
        HaarLaw(*arguments)

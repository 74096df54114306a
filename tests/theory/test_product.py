"""One one-sided parameter beside normal ones, against classifiers with known vote shares.

z = (a, b, e): T_(alpha, beta) adds alpha to a and beta >= 0 to b, so any measurable set of (alpha,
beta, delta) is a classifier, shares are integrals over cells, and residuals move e.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.forward import ExponentialLaw, FoldedNormalLaw
from gsmooth.theory.law import Law
from gsmooth.theory.laws import GaussianLaw, law_from_name
from gsmooth.theory.product import ProductLaw
from gsmooth.theory.uniform import UniformLaw
from tests.theory.law_checks import Noise, cells, worst_share

Floats = npt.NDArray[np.float64]

SIGMA = 0.5
KINDS = ("exponential", "folded-normal", "uniform")
each_kind = pytest.mark.parametrize("kind", KINDS)
kinds = st.sampled_from(KINDS)
shifts = st.floats(0.0, 2.0)


def product(kind: str, normal: float = 3.0, along: float = 2.0) -> ProductLaw:
    return ProductLaw(kind, (normal, along), 1, SIGMA)


def alone(kind: str, along: float = 2.0) -> Law:
    law = law_from_name(kind, (along,), SIGMA).one_sided()
    assert law is not None
    return law


def noise_along(law: ProductLaw) -> Noise:
    scale = law.scales[law.axis]
    frozen = {
        "exponential": stats.expon(scale=scale),
        "folded-normal": stats.halfnorm(scale=scale),
        "uniform": stats.uniform(0.0, 2.0 * scale),
    }[law.kind]
    return Noise(frozen.cdf, frozen.ppf)


NORMAL = Noise(stats.norm.cdf, stats.norm.ppf)


def kept(law: ProductLaw, margin: float, shift: float, others: float, count: int = 1200) -> float:
    """Least share after the shifts of any set of (beta, u) that holds Phi(margin) before.

    others: hypot of the normal shift and the residual, in stds: the worst direction of (alpha,
    delta) is where they move together, and all of it is one normal coordinate u.
    """
    masses = np.outer(cells(noise_along(law), shift, count), cells(NORMAL, others, count)).ravel()
    return worst_share(masses, float(stats.norm.cdf(margin)))


@each_kind
@pytest.mark.parametrize(
    ("shift", "normal", "residual"),
    [(0.0, 1.0, 0.2), (0.5, 0.0, 0.0), (0.4, 2.0, 0.0), (0.7, 1.5, 0.3), (1.2, 0.6, 0.1)],
)
def test_no_classifier_of_theta_and_noise_breaks_the_margin(
    kind: str, shift: float, normal: float, residual: float
) -> None:
    law = product(kind)
    margin = float(law.margin([normal, shift], residual))
    others = float(np.hypot(normal / 3.0, residual / SIGMA))
    assert kept(law, margin, shift, others) > 0.5


@pytest.mark.parametrize(("shift", "normal", "residual"), [(0.4, 2.0, 0.0), (0.7, 1.5, 0.3)])
def test_the_exponential_margin_is_the_best_there_is(
    shift: float, normal: float, residual: float
) -> None:
    law = product("exponential")
    margin = float(law.margin([normal, shift], residual))
    others = float(np.hypot(normal / 3.0, residual / SIGMA))
    assert kept(law, 0.98 * margin, shift, others) < 0.5


@pytest.mark.parametrize(("normal", "residual"), [(2.0, 0.0), (1.5, 0.3), (0.0, 0.4)])
@each_kind
def test_without_a_shift_along_the_axis_it_is_the_normal_law(
    kind: str, normal: float, residual: float
) -> None:
    found = float(product(kind).margin([normal, 0.0], residual))
    expected = float(GaussianLaw((3.0,), SIGMA).margin([normal], residual))
    assert expected <= found == pytest.approx(expected, rel=1e-9)


@each_kind
@settings(max_examples=10, deadline=None)
@given(shift=shifts, residual=st.floats(0.0, 1.0), tv=st.floats(0.0, 1e-3))
def test_without_a_shift_of_the_others_it_is_the_law_of_the_axis(
    kind: str, shift: float, residual: float, tv: float
) -> None:
    found = product(kind).margin([0.0, shift], residual, tv=tv, rho0=tv)
    expected = alone(kind).margin([shift], residual, tv=tv, rho0=tv)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def share_of_plane(law: ProductLaw, weights: tuple[float, float, float], bound: float) -> float:
    """P(w . (alpha, beta, delta) < bound): a quadrature over beta."""
    noise, (a, b, e) = noise_along(law), weights
    spread = float(np.hypot(law.scales[0] * a, SIGMA * e))
    nodes, mass = np.polynomial.legendre.leggauss(400)
    beta = noise.quantile((nodes + 1.0) / 2.0)
    return float(mass @ stats.norm.cdf((bound - b * beta) / spread)) / 2.0


@settings(max_examples=30, deadline=None)
@given(
    kinds,
    st.tuples(*[st.floats(-2.0, 2.0)] * 3),
    st.tuples(st.floats(-4.0, 4.0), st.floats(-2.0, 2.0), st.floats(-1.0, 1.0)),
    st.floats(-6.0, 6.0),
)
def test_no_half_space_that_is_certified_is_lost(
    kind: str,
    weights: tuple[float, float, float],
    move: tuple[float, float, float],
    bound: float,
) -> None:
    assume(abs(weights[0]) + abs(weights[2]) > 1e-2)
    law = product(kind)
    here = share_of_plane(law, weights, bound)
    there = share_of_plane(law, weights, bound - float(np.dot(weights, move)))
    required = float(law.required_p(move[:2], abs(move[2])))
    assert here <= required + 1e-4 or there > 0.5


def test_the_quadrature_is_that_of_scipy() -> None:
    law = product("exponential")
    expected, _ = integrate.quad(
        lambda b: (
            stats.expon.pdf(b, scale=2.0) * stats.norm.cdf((1.0 - 0.7 * b) / np.hypot(3.0, 0.25))
        ),
        0.0,
        np.inf,
    )
    assert share_of_plane(law, (1.0, 0.7, 0.5), 1.0) == pytest.approx(expected, abs=1e-5)


def pythagoras_across_both(law: ProductLaw, shift: float, normal: float) -> float:
    """A planted fault: the axis' own margin taken for one more side of the right angle."""
    return float(np.hypot(float(law.margin([0.0, shift])), normal / law.scales[0]))


@pytest.mark.parametrize("kind", ["exponential", "uniform"])
def test_pythagoras_across_the_axis_and_the_others_is_caught(kind: str) -> None:
    law, shift, normal = product(kind), 1.0, 3.0
    wrong = pythagoras_across_both(law, shift, normal)
    assert wrong < float(law.margin([normal, shift]))
    assert kept(law, wrong, shift, 1.0) < 0.5


@each_kind
def test_a_dropped_shift_of_the_others_is_caught(kind: str) -> None:
    law = product(kind)
    assert kept(law, float(law.margin([0.0, 0.5])), 0.5, 0.7) < 0.5


@pytest.mark.parametrize("kind", ["exponential", "folded-normal"])
def test_forward_laws_allow_no_way_back_beside_others(kind: str) -> None:
    law = product(kind)
    assert law.forward_axes == (1,)
    assert np.isinf(law.margin([0.0, -1e-9]))
    assert np.isfinite(law.margin([-1.0, 1e-9]))


def test_the_uniform_law_goes_both_ways_beside_others() -> None:
    law = product("uniform")
    assert law.forward_axes == ()
    assert law.margin([1.0, -0.5], 0.2) == law.margin([1.0, 0.5], 0.2)


@each_kind
@settings(max_examples=10, deadline=None)
@given(
    first=st.tuples(shifts, shifts, st.floats(0.0, 1.0)),
    more=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 0.5)),
)
def test_margins_grow_with_every_shift_and_the_residual(
    kind: str, first: tuple[float, float, float], more: tuple[float, float, float]
) -> None:
    law = product(kind)
    near, far = np.array(first), np.add(first, more)
    assert float(law.margin(near[:2], near[2])) <= float(law.margin(far[:2], far[2])) + 1e-12


@each_kind
@settings(max_examples=10, deadline=None)
@given(p=st.floats(0.501, 0.9999))
def test_the_radius_bounds_both_shifts_at_once(kind: str, p: float) -> None:
    law = product(kind)
    radius = law.radius(p)
    assert law.required_p_for_radius(radius) < p
    assert law.required_p_for_radius(radius * (1.0 + 1e-6)) > p - 1e-4
    assert float(law.required_p([3.0 * radius, 2.0 * radius])) == pytest.approx(
        law.required_p_for_radius(radius), rel=1e-12
    )
    assert law.radius(min(p + 1e-6, 0.99999)) >= radius
    assert law.radius(0.5) == 0.0


@each_kind
def test_a_resting_parameter_beside_them_costs_nothing(kind: str) -> None:
    law = ProductLaw(kind, (3.0, 0.0, 2.0), 2, SIGMA, unsmoothed=(1,))
    assert law.without_parameter_noise == law.unsmoothed == (1,)
    assert law.margin([1.0, 9.0, 0.5], 0.1) == product(kind).margin([1.0, 0.5], 0.1)
    strict = ProductLaw(kind, (3.0, 0.0, 2.0), 2, SIGMA)
    assert np.isinf(strict.margin([1.0, 1e-9, 0.5]))
    only = ProductLaw(kind, (0.0, 2.0), 1, SIGMA, unsmoothed=(0,))
    np.testing.assert_allclose(only.margin([5.0, 0.5], 0.2), alone(kind).margin([0.5], 0.2))
    assert only.radius(0.9) == pytest.approx(alone(kind).radius(0.9) / 2.0, rel=1e-6)


@each_kind
def test_every_column_is_drawn_by_its_own_law(kind: str) -> None:
    law = ProductLaw(kind, (3.0, 2.0, 0.0), 1, SIGMA, unsmoothed=(2,))
    u = np.random.default_rng(0).random((500, 3))
    theta = law.theta_from_uniform(u)
    np.testing.assert_allclose(theta[:, 0], stats.norm.ppf(u[:, 0], scale=3.0))
    np.testing.assert_allclose(noise_along(law).cdf(theta[:, 1]), u[:, 1], rtol=1e-9)
    assert theta[:, 1].min() >= 0.0
    assert not theta[:, 2].any()


def test_the_law_of_a_name_is_a_product_where_one_of_several_parameters_is_one_sided() -> None:
    found = law_from_name("exponential", (3.0, 2.0), SIGMA, one_sided=(1,))
    assert found == product("exponential")
    assert found.name == "exponential"
    assert law_from_name("exponential", (2.0,), SIGMA, one_sided=(0,)) == ExponentialLaw(2.0, SIGMA)
    assert isinstance(law_from_name("folded-normal", (2.0,), SIGMA), FoldedNormalLaw)
    assert isinstance(law_from_name("uniform", (2.0,), SIGMA), UniformLaw)
    for axes in ((), (0, 1)):
        with pytest.raises(ConfigurationError, match="expected exactly one parameter"):
            law_from_name("exponential", (3.0, 2.0), SIGMA, one_sided=axes)
    with pytest.raises(ConfigurationError, match="expected exactly one parameter"):
        law_from_name("laplace", (3.0, 2.0), SIGMA, one_sided=(0,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("laplace", (1.0, 1.0), 0, 0.1), "expected one of exponential, folded-normal, uniform"),
        (("uniform", (1.0, 1.0), 2, 0.1), "there are 2 scales"),
        (("uniform", (0.0, 1.0), 0, 0.1), "scale"),
        (("uniform", (1.0, 1.0), 0, 0.0), "sigma"),
        (("uniform", (1.0, 1.0), 0, 0.1, (1,)), "axis 1 carries noise"),
    ],
)
def test_nonsense_is_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ProductLaw(*arguments)  # type: ignore[arg-type]

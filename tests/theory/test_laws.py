from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.forward import ExponentialLaw, FoldedNormalLaw
from gsmooth.theory.law import Law
from gsmooth.theory.laws import GaussianLaw, LaplaceLaw, law_from_name
from gsmooth.theory.uniform import UniformLaw
from tests.theory.law_checks import (
    check_inverse,
    check_joint_share,
    check_radius,
    check_required_share,
    check_required_share_is_tight,
    noise_of,
)

Floats = npt.NDArray[np.float64]

LAWS: list[Law] = [
    GaussianLaw((3.0,), 0.5),
    GaussianLaw((3.0,), 0.5, orthogonal=False),
    UniformLaw(2.0, 0.5),
    UniformLaw(2.0, 0.5, non_negative=True),
    ExponentialLaw(2.0, 0.5),
    FoldedNormalLaw(2.0, 0.5),
    LaplaceLaw(2.0, 0.5),
]
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.name}")
shares = st.floats(0.501, 0.9999)


class Boastful(Law):
    """A planted fault: the radius of ``true``, enlarged by one per cent."""

    name = "boastful"

    def __init__(self, true: Law) -> None:
        self.true = true
        self.sigma = true.sigma

    @property
    def dimensions(self) -> int:
        return self.true.dimensions

    def margin(
        self,
        shift: npt.ArrayLike,
        residual: npt.ArrayLike = 0.0,
        *,
        rho0: float = 0.0,
        tv: float = 0.0,
    ) -> Floats:
        return self.true.margin(np.asarray(shift) / 1.01, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return 1.01 * self.true.radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return self.true.required_p_for_radius(radius / 1.01)

    def theta_from_uniform(self, u: npt.ArrayLike) -> Floats:
        return self.true.theta_from_uniform(u)


@each_law
@pytest.mark.parametrize("shift", [0.0, 1e-3, 0.3, 1.0, 1.7])
def test_no_classifier_breaks_the_required_share_and_one_comes_close(
    law: Law, shift: float
) -> None:
    check_required_share(law, noise_of(law), shift)
    check_required_share_is_tight(law, noise_of(law), shift)


@each_law
@pytest.mark.parametrize("p_lower", [0.5, 0.51, 0.7, 0.9, 0.99])
def test_no_classifier_breaks_the_radius(law: Law, p_lower: float) -> None:
    check_radius(law, noise_of(law), p_lower)


@each_law
@pytest.mark.parametrize(("shift", "residual"), [(0.0, 0.3), (0.5, 0.1), (1.0, 0.3), (0.3, 0.6)])
def test_no_joint_classifier_breaks_the_required_share(
    law: Law, shift: float, residual: float
) -> None:
    check_joint_share(law, noise_of(law), shift, residual)


@each_law
def test_a_radius_one_per_cent_too_large_is_caught(law: Law) -> None:
    with pytest.raises(AssertionError):
        check_required_share(Boastful(law), noise_of(law), 1.0)
    with pytest.raises(AssertionError):
        check_radius(Boastful(law), noise_of(law), 0.8)


def test_a_joint_margin_that_forgets_the_smaller_part_is_caught() -> None:
    class Larger(Boastful):
        def margin(
            self,
            shift: npt.ArrayLike,
            residual: npt.ArrayLike = 0.0,
            *,
            rho0: float = 0.0,
            tv: float = 0.0,
        ) -> Floats:
            return np.maximum(self.true.margin(shift), self.true.margin([0.0], residual))

    law = LAWS[0]
    with pytest.raises(AssertionError):
        check_joint_share(Larger(law), noise_of(law), 1.0, 0.3)


@each_law
@given(p_lower=shares)
def test_share_for_radius_inverts_radius(law: Law, p_lower: float) -> None:
    check_inverse(law, p_lower)


@each_law
@given(p_lower=shares, other=shares)
def test_radius_grows_with_p_lower(law: Law, p_lower: float, other: float) -> None:
    low, high = sorted((p_lower, other))
    assert law.radius(low) <= law.radius(high)


@each_law
@pytest.mark.parametrize("p_lower", [0.0, 0.3, 0.5])
def test_radius_is_zero_without_a_majority(law: Law, p_lower: float) -> None:
    assert law.radius(p_lower) == 0.0


@each_law
@pytest.mark.parametrize("p_lower", [1.0, 1.1, -0.1, float("nan")])
def test_a_p_lower_that_no_sample_gives_is_refused(law: Law, p_lower: float) -> None:
    with pytest.raises(ConfigurationError, match="p_lower"):
        law.radius(p_lower)


@given(p_lower=shares, sigma=st.floats(0.01, 100.0), factor=st.floats(0.1, 10.0))
def test_every_radius_is_linear_in_its_scale(p_lower: float, sigma: float, factor: float) -> None:
    for family in (
        lambda s: GaussianLaw((s,), 0.0),
        lambda s: GaussianLaw((), s),
        UniformLaw,
        ExponentialLaw,
        FoldedNormalLaw,
        LaplaceLaw,
    ):
        scaled = family(factor * sigma).radius(p_lower)
        assert scaled == pytest.approx(factor * family(sigma).radius(p_lower), rel=1e-12)


def test_uniform_requires_three_quarters_at_half_a_half_width() -> None:
    assert float(UniformLaw(1.0).required_p([0.5])) == pytest.approx(0.75, abs=1e-13)


@pytest.mark.parametrize("law", [ExponentialLaw(1.0), FoldedNormalLaw(1.0)])
def test_a_forward_law_certifies_no_negative_shift(law: Law) -> None:
    assert law.forward_axes == (0,)
    assert law.required_p([[-1e-9], [1e-9]])[0] == 1.0
    assert law.required_p([[-1e-9], [1e-9]])[1] < 0.6


@each_law
def test_what_fits_a_semigroup_draws_no_negative_parameter_and_keeps_its_margins(law: Law) -> None:
    one_sided = law.one_sided()
    if isinstance(law, GaussianLaw | LaplaceLaw):
        assert one_sided is None
        return
    assert one_sided is not None
    assert one_sided.one_sided() == one_sided
    ends = one_sided.theta_from_uniform([[2.0**-53], [1.0 - 2.0**-53]])
    assert 0.0 <= ends[0, 0] < 1e-9 < ends[1, 0]
    shift = np.linspace(0.0, 3.0, 7)[:, None]
    np.testing.assert_array_equal(one_sided.margin(shift, 0.1), law.margin(shift, 0.1))


@pytest.mark.parametrize("back", [0.2, 1.0, 1.9])
@pytest.mark.parametrize("residual", [0.0, 0.3, 1.0])
def test_one_sided_uniform_noise_certifies_what_lies_behind_its_centre(
    back: float, residual: float
) -> None:
    # z = T_back z' + e: a share q(b) at T_b z', for b up to 4; the noise at the centre sees
    # [back, 4 + back], and the worst residual takes Phi^-1(q) up by residual / sigma.
    law = UniformLaw(2.0, 0.5, non_negative=True)
    share = float(law.required_p([-back], residual))
    if share >= 1.0:
        return
    rng = np.random.default_rng(3)
    outside = back / 4.0
    for inner in [1e-9, 0.5, *rng.uniform(0.0, 1.0, 40)]:
        # Behind the centre everything fails, beyond 4 nothing does, q = inner between.
        raised = stats.norm.cdf(stats.norm.ppf(inner) + residual / law.sigma)
        at_centre = (1.0 - outside) * raised + outside
        at_attack = (1.0 - outside) * inner
        assert at_centre <= share or at_attack > 0.5 - 1e-12


def test_a_folded_normal_radius_is_that_of_the_formula() -> None:
    found = FoldedNormalLaw(2.0).radius(0.9)
    assert found == pytest.approx(2.0 * (stats.norm.ppf(0.95) - stats.norm.ppf(0.75)), rel=1e-12)


@each_law
@settings(max_examples=40)
@given(
    shift=st.floats(0.0, 5.0),
    residual=st.floats(0.0, 2.0),
    rho0=st.sampled_from([0.0, 1e-9, 0.01, 0.1]),
    tv=st.sampled_from([0.0, 1e-9, 0.01, 0.1]),
)
def test_margin_and_share_agree_and_grow_in_every_argument(
    law: Law, shift: float, residual: float, rho0: float, tv: float
) -> None:
    share = float(law.required_p([shift], residual, rho0=rho0, tv=tv))
    margin = float(law.margin([shift], residual, rho0=rho0, tv=tv))
    assert share == pytest.approx(stats.norm.cdf(margin), abs=1e-12)
    assert share >= 0.5
    slack = 1e-12
    assert float(law.required_p([shift + 0.1], residual, rho0=rho0, tv=tv)) >= share - slack
    assert float(law.required_p([shift], residual + 0.1, rho0=rho0, tv=tv)) >= share - slack
    assert float(law.required_p([shift], residual, rho0=rho0 + 0.01, tv=tv)) >= share - slack
    assert float(law.required_p([shift], residual, rho0=rho0, tv=tv + 0.01)) >= share - slack


@each_law
@settings(max_examples=40)
@given(shift=st.floats(0.0, 3.0), tv=st.floats(1e-6, 0.05))
def test_total_variation_is_paid_at_both_ends(law: Law, shift: float, tv: float) -> None:
    # At no shift the votes may err by tv at the centre and by tv at the attacked point.
    assert float(law.required_p([0.0], tv=tv)) == pytest.approx(0.5 + 2 * tv, abs=1e-12)
    share = float(law.required_p([shift], tv=tv))
    assume(share < 1.0)
    if isinstance(law, GaussianLaw):
        kept = stats.norm.cdf(stats.norm.ppf(share - tv) - shift / law.scales[0]) - tv
        assert kept == pytest.approx(0.5, abs=1e-10)


@pytest.mark.parametrize("law", [GaussianLaw((1.0,), 0.0), UniformLaw(1.0), LaplaceLaw(1.0)])
def test_without_noise_on_z_only_a_zero_residual_is_allowed(law: Law) -> None:
    required = law.required_p([[0.1], [0.1]], [0.0, 1e-300])
    assert required[0] < 0.6
    assert required[1] == 1.0


def test_a_zero_scale_allows_no_shift_in_its_direction() -> None:
    law = GaussianLaw((0.0, 2.0), 0.5)
    assert list(law.required_p([[0.0, 1.0], [1e-300, 0.0]]) < 1.0) == [True, False]


def test_margins_far_beyond_float_shares_stay_finite() -> None:
    law = GaussianLaw((1.0,), 1.0)
    assert float(law.margin([30.0], 40.0)) == pytest.approx(50.0)
    assert float(law.required_p([30.0], 40.0)) == 1.0
    assert float(law.margin([0.0])) == 0.0


def test_shares_broadcast_over_shift_and_residual() -> None:
    law = GaussianLaw((1.0, 2.0), 0.5)
    assert law.required_p(np.zeros((4, 3, 2)), np.zeros(3)).shape == (4, 3)
    assert GaussianLaw((), 0.5).required_p(np.zeros((5, 0)), np.ones(5)).shape == (5,)


def test_additive_noise_is_the_case_of_no_parameter() -> None:
    law = GaussianLaw((), 0.5)
    assert law.radius(0.9) == pytest.approx(0.5 * stats.norm.ppf(0.9), rel=1e-12)
    assert float(law.required_p(np.zeros((0,)), 0.3)) == pytest.approx(stats.norm.cdf(0.6))
    assert law.required_p_for_radius(0.3) == pytest.approx(stats.norm.cdf(0.6))


@each_law
def test_noise_from_uniforms_has_the_law(law: Law) -> None:
    u = (np.arange(2000) + 0.5) / 2000
    theta = law.theta_from_uniform(u[:, None])
    assert theta.shape == (2000, 1)
    np.testing.assert_allclose(noise_of(law).cdf(theta[:, 0]), u, rtol=1e-12)


def test_noise_of_several_parameters_has_one_column_each() -> None:
    u = np.full((3, 2), 0.8)
    assert GaussianLaw((1.0, 2.0), 0.0).theta_from_uniform(u) == pytest.approx(
        np.full((3, 2), stats.norm.ppf(0.8)) * [1.0, 2.0]
    )
    assert GaussianLaw((), 1.0).theta_from_uniform(np.zeros((3, 0))).shape == (3, 0)


def test_a_law_without_a_proof_cannot_be_built() -> None:
    class Unproved(Law):
        name = "unproved"

    with pytest.raises(TypeError, match="abstract"):
        Unproved()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GaussianLaw((), 0.0), "expected noise somewhere"),
        (lambda: GaussianLaw((-1.0,), 0.5), "scale=-1.0"),
        (lambda: GaussianLaw((float("nan"),), 0.5), "scale=nan"),
        (lambda: GaussianLaw((1.0,), -0.5), "sigma=-0.5"),
        (lambda: UniformLaw(0.0), "half_width=0.0"),
        (lambda: ExponentialLaw(float("inf")), "scale=inf"),
        (lambda: LaplaceLaw(1.0, -1.0), "sigma=-1.0"),
        (lambda: LaplaceLaw(1.0).required_p(0.5), "shape"),
        (lambda: LaplaceLaw(1.0).required_p([0.5, 0.5]), "shape"),
        (lambda: LaplaceLaw(1.0).required_p([float("nan")]), "NaN"),
        (lambda: LaplaceLaw(1.0).required_p([0.5], -0.1), "residual"),
        (lambda: LaplaceLaw(1.0).required_p([0.5], rho0=-0.1), "rho0"),
        (lambda: LaplaceLaw(1.0).required_p([0.5], tv=float("nan")), "tv"),
        (lambda: LaplaceLaw(1.0).required_p_for_radius(-1.0), "radius"),
        (lambda: LaplaceLaw(1.0).theta_from_uniform([[0.0]]), "uniforms"),
        (lambda: LaplaceLaw(1.0).theta_from_uniform([0.5]), "shape"),
        (lambda: law_from_name("gausian", (1.0,), 0.5), "gaussian"),
        (lambda: law_from_name("laplace", (), 0.5), "exactly one"),
    ],
)
def test_wrong_arguments_are_named(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_is_found_by_its_name(law: Law) -> None:
    scale = noise_of(law).quantile(np.array([0.9]))[0]
    orthogonal = law.orthogonal if isinstance(law, GaussianLaw) else True
    named = law_from_name(law.name, (1.0,), law.sigma, orthogonal)
    assert type(named) is type(law)
    assert scale > 0.0

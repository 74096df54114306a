"""Parameters without noise beside noisy ones: attacked, not smoothed, and all of it residual."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import Cover, build_cover
from gsmooth.cover.bounds.boxes import equal_boxes
from gsmooth.cover.bounds.lipschitz import lipschitz_of_region
from gsmooth.cover.bounds.margin_model import units_of
from gsmooth.cover.distributional import distributional_cover
from gsmooth.cover.nested import build_nested_cover
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noise.accuracy import theta_accuracy
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.law import Law
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import Floats
from gsmooth.theory.uniform import UniformLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from tests.certifying import certify, check_feasible

SHAPE = (1, 1, 3)
GREY = 0.5
SIGMA = 0.2
LAW = GaussianLaw((0.3, 0.0), SIGMA)
REGION = Region((-0.25, -0.2), (0.25, 0.2))


class LampBounds(TransformationBounds["Lamp"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return 2.0**-50 * (float(z.norm(dim=1).max()) + reach[0]) + 2.0 * offset[0]

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        derivative = upper[:, 1:].exp() * (x - GREY).norm()
        return torch.cat([torch.zeros_like(derivative), derivative], dim=1)


@final
@dataclass(frozen=True)
class Lamp(Transformation):
    """psi_(b, k)(x) = grey + e^k (x - grey) + b; T shifts by b, and does so only where k rests."""

    rested: tuple[str, ...] = ()
    faulty: bool = False

    name: ClassVar[str] = "lamp"
    orthogonal: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("b", ""), Parameter("k", "ln"))
    bounds_class = LampBounds

    @property
    def unsmoothed(self) -> tuple[str, ...]:
        return self.rested

    @property
    def has_action(self) -> bool:
        return self.rested == ("k",)

    def without_noise(self, names: tuple[str, ...]) -> Transformation:
        if names != ("k",):
            return super().without_noise(names)
        return self if self.faulty else replace(self, rested=names)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        b, k = (part[:, :, None, None] for part in theta)
        return GREY + k.exp() * (x - GREY) + b


def smoothed(law: Law = LAW, operator: Transformation | None = None) -> SmoothedClassifier:
    network = Classifier(nn.Identity(), classes=3, shape=SHAPE)
    return SmoothedClassifier(network, operator or Lamp(), law, seed=0)


def sample_image(*pixels: float) -> Tensor:
    return torch.tensor(pixels, dtype=torch.float64).reshape(SHAPE)


BALANCED = sample_image(0.7, 0.3, 0.5)
"""What contrast does to it is orthogonal to what brightness does."""


def attacked(x: Tensor, region: Region, each: int = 41) -> Tensor:
    """All attacks of a dense grid of the region, (n, K)."""
    axes = [
        torch.linspace(a, b, each, dtype=torch.float64)
        for a, b in zip(region.lower, region.upper, strict=True)
    ]
    b, k = (part.reshape(-1, 1) for part in torch.meshgrid(*axes, indexing="ij"))
    return Lamp().attack(x[None].expand(len(b), -1, -1, -1), b, k).flatten(1)


def spread(weights: Tensor, law: Law = LAW) -> Tensor:
    """Std of w . (z + b + delta) for rows of weights (n, K)."""
    return torch.hypot(law_scale(law) * weights.sum(dim=1), SIGMA * weights.norm(dim=1))


def law_scale(law: Law) -> float:
    return float(units_of(law)[0])


def lost_by(cover: Cover, points: Tensor, weights: Tensor, law: Law = LAW) -> float:
    """How far, in stds, an attack leaves the worst half-space w . z < t that all balls pass.

    t is the least one at which every ball has its required share; never positive in a sound cover.
    """
    centres = torch.stack([ball.z for ball in cover.balls])
    margins = torch.tensor([ball.margin for ball in cover.balls])
    stds = spread(weights, law)
    threshold = (weights @ centres.T + stds[:, None] * margins).max(dim=1).values
    return float((((weights @ points.T).max(dim=1).values - threshold) / stds).max())


def directions(seed: int, count: int = 200) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 3)))


pixels = st.tuples(*[st.floats(0.0, 1.0, allow_subnormal=False)] * 3).map(
    lambda p: sample_image(*p)
)


@settings(max_examples=20, deadline=None)
@given(pixels, st.sampled_from([1, 2, 6]), st.floats(0.0, 0.5), st.floats(-0.5, 0.0))
def test_no_half_space_that_passes_every_ball_is_lost_at_an_attack(
    x: Tensor, centres: int, high: float, low: float
) -> None:
    region = Region((low, -high), (high, -low))
    cover = build_cover(smoothed(), x, region, centres)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert lost_by(cover, attacked(x, region, 11), directions(3)) <= 1e-9


def test_one_centre_asks_for_little_more_than_the_worst_half_space_does() -> None:
    cover = build_cover(smoothed(), BALANCED, REGION, 1)
    offsets = attacked(BALANCED, REGION) - cover.balls[0].z
    noise = LAW.scales[0] ** 2 * torch.ones(3, 3) + SIGMA**2 * torch.eye(3)
    # The best weights for an offset v are M^-1 v, M being the covariance of the votes' points.
    exact = (
        float((offsets * torch.linalg.solve(noise.double(), offsets.T).T).sum(dim=1).max()) ** 0.5
    )
    assert exact <= cover.balls[0].margin <= 1.1 * exact


@final
class Careless(Law):
    """A planted fault: the shift of the noisy parameter is dropped, not the unsmoothed one's."""

    name = "careless"
    sigma = SIGMA
    unsmoothed = (1,)

    @property
    def dimensions(self) -> int:
        return 2

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = np.asarray(shift) * [0.0, 0.0]
        return rested_law().margin(moved, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return rested_law().radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return rested_law().required_p_for_radius(radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return rested_law().theta_from_uniform(u)


def rested_law() -> GaussianLaw:
    return replace(LAW, unsmoothed=(1,))


def test_a_law_that_drops_the_shift_of_the_noisy_parameter_is_caught() -> None:
    g = smoothed()
    object.__setattr__(g, "law", Careless())
    cover = build_cover(g, BALANCED, REGION, 4)
    assert lost_by(cover, attacked(BALANCED, REGION), directions(5)) > 0.05


def test_more_centres_ask_for_less_along_the_resting_parameter_too() -> None:
    region = Region((0.0, -0.4), (0.0, 0.4))
    margins = [
        max(ball.margin for ball in build_cover(smoothed(), BALANCED, region, count).balls)
        for count in (1, 2, 4)
    ]
    # C runs along a line, so every centre takes its part of it.
    assert margins[1] == pytest.approx(margins[0] / 2.0, rel=0.1)
    assert margins[2] == pytest.approx(margins[0] / 4.0, rel=0.1)


def test_a_resting_parameter_is_cut_as_finely_as_it_moves_the_image() -> None:
    from gsmooth.cover.planning.planner import CoverPlanner

    def parameter_grid(x: Tensor) -> tuple[int, ...]:
        return CoverPlanner.of(smoothed(), x[None], REGION, None, None).parameter_grid.shape

    grey, contrasty = (
        parameter_grid(sample_image(0.5, 0.5, 0.5)),
        parameter_grid(sample_image(1.0, 0.0, 1.0)),
    )
    assert grey[1] == 2  # One cell: C does not move.
    assert contrasty[1] > parameter_grid(BALANCED)[1] > grey[1]


def test_certified_regions_hold_what_the_half_space_keeps() -> None:
    weights = torch.tensor([[1.0, -1.0, 0.5]], dtype=torch.float64)
    gap = 0.9 * float(spread(weights))
    bound = float((attacked(BALANCED, REGION) @ weights[0]).max()) + gap
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([torch.zeros(3), weights[0].float()]))
        layer.bias.copy_(torch.tensor([bound, 0.0]))
    network = Classifier(nn.Sequential(nn.Flatten(), layer), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, Lamp(), LAW, seed=0)
    found = certify(g, BALANCED, REGION, RegionMode(max_votes=20_000)).certificate
    assert isinstance(found, Certified)
    assert found.fraction == 1.0
    assert found.guarantee is Guarantee.INDIVIDUAL
    # Twice as far the class is lost, and no radius may say otherwise.
    wide = Region((-2.0, -0.4), (2.0, 0.4))
    lost = min(
        fraction
        for fraction in np.linspace(0.01, 1.0, 100)
        if float((attacked(BALANCED, wide.scaled(fraction)) @ weights[0]).max()) > bound
    )
    outcome = certify(g, BALANCED, wide, RadiusMode(n=4000), centres=12).certificate
    assert isinstance(outcome, Certified)
    assert 0.2 * lost < outcome.fraction < lost


def test_the_l2_ball_on_top_is_added_to_the_residual() -> None:
    with_ball = replace(REGION, l2=0.1)
    for seed in range(5):
        direction = directions(seed, 60)
        cover = build_cover(smoothed(), BALANCED, with_ball, 3)
        points = attacked(BALANCED, REGION)
        pushed = (points[:, None] + 0.1 * direction / direction.norm(dim=1, keepdim=True)).flatten(
            0, 1
        )
        assert lost_by(cover, pushed, direction) <= 1e-9
    assert lost_by(build_cover(smoothed(), BALANCED, REGION, 3), pushed, direction) > 0.0


def test_the_law_of_a_smoothed_classifier_knows_what_rests() -> None:
    g = smoothed()
    assert g.law == rested_law()
    assert g.transformation.unsmoothed == ("k",)
    assert g.orthogonal
    assert replace(g, batch_size=8).law == g.law
    assert units_of(g.law).tolist() == pytest.approx([0.3, math.inf])
    assert theta_accuracy(g.law).reach[1] == theta_accuracy(g.law).offset[1] == 0.0
    assert lipschitz_of_region(g, REGION) == 1.0


def test_a_zero_scale_that_the_action_does_not_ignore_allows_no_shift() -> None:
    assert np.isinf(LAW.margin([0.0, 1e-9]))
    assert rested_law().margin([0.0, 1e9]) == rested_law().margin([0.0, 0.0])
    assert rested_law().margin([0.3, 0.1], 0.2) == GaussianLaw((0.3,), SIGMA).margin([0.3], 0.2)


@pytest.mark.parametrize(
    ("law", "operator", "message"),
    [
        (GaussianLaw((0.0, 0.0), SIGMA), Lamp(), "every parameter of lamp has the std 0"),
        (GaussianLaw((0.0, 0.1), SIGMA), Lamp(), "lamp has no action without b"),
        (GaussianLaw((0.1, 0.1), SIGMA), Lamp(("k",)), "ignores k, so noise on it is lost"),
        (GaussianLaw((0.1, 0.0), SIGMA), Lamp(faulty=True), "does not list it in ``unsmoothed``"),
        (GaussianLaw((0.1, 0.1), SIGMA), Lamp(), "no exact action"),
        (GaussianLaw((0.1,), SIGMA), Lamp(), "1 scales for the 2 parameters"),
        (UniformLaw(0.1, SIGMA), Lamp(), "1 scales for the 2 parameters"),
    ],
)
def test_noise_and_action_have_to_agree_on_what_rests(
    law: Law, operator: Lamp, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        smoothed(law, operator)


def test_an_axis_with_noise_cannot_rest() -> None:
    with pytest.raises(ConfigurationError, match="axis 0 carries noise"):
        GaussianLaw((0.1, 0.0), SIGMA, unsmoothed=(0,))


def test_equal_boxes_never_cut_what_rests() -> None:
    lower, upper = equal_boxes(REGION, rested_law(), 8)
    assert len(lower) == 8
    assert set(lower[:, 1]) == {-0.2}
    assert set(upper[:, 1]) == {0.2}


def test_distributional_and_nested_covers_charge_resting_parameters_to_the_error() -> None:
    error = math.expm1(0.2) * float((BALANCED - GREY).norm())
    cover = distributional_cover(smoothed(), BALANCED, REGION, error * (1.0 + 1e-9), 5)
    assert lost_by(cover, attacked(BALANCED, REGION), directions(7)) <= 1e-9
    nested_centres = build_nested_cover(smoothed(), BALANCED[None], REGION, 5, None)
    assert nested_centres.guarantee is Guarantee.INDIVIDUAL
    for nested_centre in nested_centres.nested_centres:
        assert nested_centre.inner_margin >= error / SIGMA
        assert nested_centre.margin == pytest.approx(0.05 / 0.3, rel=1e-6)


def test_feasibility_asks_resting_parameters_for_nothing() -> None:
    far = Region((0.0, -50.0), (0.0, 50.0))
    check_feasible(smoothed(), far, RegionMode())
    check_feasible(smoothed(), far, RadiusMode())

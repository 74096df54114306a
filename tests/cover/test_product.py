"""Covers under a law of one one-sided parameter beside normal ones, and one that rests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import stats
from torch import Tensor, nn

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import Cover, IndividualCovers, build_cover
from gsmooth.cover.bounds.margin_model import MarginModel
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.models.classifier import Classifier
from gsmooth.runs.records.recorded_noise import AxisNoise, NoiseRecord
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.supremum import worst_attack
from gsmooth.theory.forward import ExponentialLaw
from gsmooth.theory.law import Law
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import Floats
from gsmooth.theory.product import ProductLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.options import fitting_laws
from gsmooth.transforms.region import Region
from tests.certifying import certify, check_feasible

SHAPE = (1, 1, 4)
SIGMA = 0.25
RATES = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
KINDS = ("exponential", "folded-normal", "uniform")
each_kind = pytest.mark.parametrize("kind", KINDS)
REGION = Region((-0.2, 0.0, 0.0), (0.2, 0.4, 0.0))
"""Of shift, age and gain."""


class AgeingBounds(TransformationBounds["Ageing"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        size = float(z.norm(dim=1).max())
        return size * (2.0**-48 + 3.0 * offset[1]) + 2.0**-48 * reach[0] + offset[0]

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        ripple = torch.full_like(lower[:, :1], self.of.height)
        ageing = 3.0 * ripple + 3.0 * ("age" in self.of.rested)
        derivatives = [ripple + ("shift" in self.of.rested), ageing, upper[:, 2:].exp()]
        return torch.cat(derivatives, dim=1) * float(x.norm())


@final
@dataclass(frozen=True)
class Ageing(Transformation):
    """The first pixel is shifted, the others fade; the attack adds ripples and, where asked, gain.

    D = (e^gain - 1 + height sin(3 age + shift)) x: known, and so are its derivatives.
    """

    height: float = 0.05
    rested: tuple[str, ...] = ()

    name: ClassVar[str] = "ageing"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("shift", ""),
        Parameter("age", "a"),
        Parameter("gain", "ln"),
    )
    one_sided: ClassVar[tuple[str, ...]] = ("age",)
    nonexpansive: ClassVar[bool] = True
    bounds_class = AgeingBounds

    @property
    def unsmoothed(self) -> tuple[str, ...]:
        return self.rested

    def without_noise(self, names: tuple[str, ...]) -> Transformation:
        return replace(self, rested=(*self.rested, *names))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        assert "gain" in self.rested
        noisy = [name not in self.rested for name in ("shift", "age")]
        shift, age = theta[0] * noisy[0], theta[1] * noisy[1]
        assert bool((age >= 0.0).all()), "nothing undoes it"
        return z * torch.exp(-age * RATES) + shift * (RATES == 0.0)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        shift, age, gain = theta
        flat = x.flatten(1)
        moved = flat * torch.exp(-age * RATES) + shift * (RATES == 0.0)
        added = gain.expm1() + self.height * torch.sin(3.0 * age + shift)
        return (moved + added * flat).reshape(x.shape)


def law_of(kind: str) -> ProductLaw:
    return ProductLaw(kind, (0.4, 0.5, 0.0), 1, SIGMA)


def smoothed(law: Law) -> SmoothedClassifier:
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    return SmoothedClassifier(network, Ageing(), law, seed=0)


def sample_image(seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(SHAPE))


def worst_margin(cover: Cover) -> float:
    return max(ball.margin for ball in cover.balls)


@each_kind
@pytest.mark.parametrize("centres", [1, 3, 10])
@pytest.mark.parametrize("gain", [0.0, 0.05])
def test_no_attack_lies_outside_the_cover(kind: str, centres: int, gain: float) -> None:
    g, x = smoothed(law_of(kind)), sample_image()
    region = Region((-0.2, 0.0, -gain), (0.2, 0.4, gain))
    cover = build_cover(g, x, region, centres)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert worst_attack(g, x[None], cover, 0)[1] <= 0.0


@each_kind
def test_centres_stand_at_the_lower_end_of_a_forward_axis_and_in_the_middle_of_others(
    kind: str,
) -> None:
    (ball,) = build_cover(smoothed(law_of(kind)), sample_image(), REGION, 1).balls
    assert ball.theta[0] == pytest.approx(0.0, abs=1e-12)
    assert ball.theta[1] == pytest.approx(0.2 if kind == "uniform" else 0.0)


@each_kind
def test_more_centres_ask_for_less(kind: str) -> None:
    g, x = smoothed(law_of(kind)), sample_image()
    one, four, sixteen = (worst_margin(build_cover(g, x, REGION, n)) for n in (1, 4, 16))
    assert four < 0.75 * one
    assert sixteen < 0.75 * four
    # One centre asks for no more than the corners of the region and the longest residual.
    shift = [0.2, 0.2 if kind == "uniform" else 0.4, 0.0]
    most = g.law.margin(shift, 0.05 * float(sample_image().norm()))
    assert one < float(most) + 0.05


@each_kind
def test_an_axis_that_does_not_move_leaves_a_chain(kind: str) -> None:
    g, x = smoothed(law_of(kind)), sample_image()
    for region in (Region((0.0,) * 3, (0.0, 0.4, 0.0)), Region((-0.3, 0.0, 0.0), (0.3, 0.0, 0.0))):
        one, four = (build_cover(g, x, region, n) for n in (1, 4))
        assert len(four.balls) == 4
        assert worst_margin(four) < 0.6 * worst_margin(one)
        assert worst_attack(g, x[None], four, 0)[1] <= 0.0


def shares(law: ProductLaw, z: Tensor, weights: Tensor, bound: float) -> np.ndarray:
    """P(w . (T_theta z + delta) < bound) for rows of z (n, 4): exact but for 64 nodes over age."""
    nodes, mass = np.polynomial.legendre.leggauss(64)
    age = law.along.theta_from_uniform((nodes[:, None] + 1.0) / 2.0)[:, 0]
    faded = z.numpy()[:, None] * np.exp(-age[:, None] * RATES.numpy())
    spread = np.hypot(law.scales[0] * float(weights[0]), SIGMA * float(weights.norm()))
    return np.asarray(stats.norm.cdf((bound - faded @ weights.numpy()) / spread) @ mass / 2.0)


def attacked(x: Tensor, region: Region, count: int = 400) -> Tensor:
    rng = np.random.default_rng(1)
    theta = torch.from_numpy(rng.uniform(region.lower, region.upper, size=(count, 3)))
    return (
        Ageing().attack(x[None].expand(count, -1, -1, -1), *theta.tensor_split(3, dim=1)).flatten(1)
    )


def lead(cover: Cover, law: ProductLaw, points: Tensor, weights: Tensor) -> float:
    """The least share of an attack at the half-space w . z < t that all balls just pass."""
    z, needed = (
        torch.stack([b.z for b in cover.balls]),
        np.array([b.required_p for b in cover.balls]),
    )
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2.0
        passes = (shares(law, z, weights, middle) > needed).all()
        low, high = (low, middle) if passes else (middle, high)
    return float(shares(law, points, weights, high).min())


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from([1, 3, 8]),
    st.tuples(*[st.floats(-1.0, 1.0)] * 4),
    st.integers(0, 5),
)
def test_no_half_space_that_passes_every_ball_is_lost_at_an_attack(
    kind: str, centres: int, weights: tuple[float, ...], seed: int
) -> None:
    direction = torch.tensor(weights, dtype=torch.float64) + torch.tensor([1e-3, 0.0, 0.0, 0.0])
    law, x = law_of(kind), sample_image(seed)
    region = replace(REGION, l2=0.05)
    cover = build_cover(smoothed(law), x, region, centres)
    pushed = attacked(x, REGION) + 0.05 * direction / direction.norm()
    assert lead(cover, law, pushed, direction) > 0.5 - 1e-4


@final
class Halved(Law):
    """A planted fault: only half of what the normal parameters shift is charged."""

    name = "halved"
    sigma = SIGMA

    def __init__(self, true: ProductLaw) -> None:
        self.true = true

    @property
    def dimensions(self) -> int:
        return 3

    @property
    def unsmoothed(self) -> tuple[int, ...]:
        return (2,)

    @property
    def forward_axes(self) -> tuple[int, ...]:
        return self.true.forward_axes

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        fewer = np.asarray(shift) * [0.5, 1.0, 1.0]
        return replace(self.true, unsmoothed=(2,)).margin(fewer, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return self.true.radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return self.true.required_p_for_radius(radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return self.true.theta_from_uniform(u)


def test_a_law_that_charges_half_the_shift_is_caught() -> None:
    law, x = law_of("exponential"), sample_image()
    g = smoothed(law)
    object.__setattr__(g, "law", Halved(law))
    wide = Region((-0.6, 0.0, 0.0), (0.6, 0.1, 0.0))
    sideways = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    cover = build_cover(g, x, wide, 2)
    assert lead(cover, law, attacked(x, wide), sideways) < 0.48
    honest = build_cover(smoothed(law), x, wide, 2)
    assert lead(honest, law, attacked(x, wide), sideways) > 0.5


@each_kind
def test_certificates_are_found_and_hold(kind: str) -> None:
    law, x = law_of(kind), sample_image()
    weights, bound = torch.tensor([1.0, -0.5, 0.2, 0.3], dtype=torch.float64), 1.6
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([torch.zeros(4), weights.float()]))
        layer.bias.copy_(torch.tensor([bound, 0.0]))
    network = Classifier(nn.Sequential(nn.Flatten(), layer), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, Ageing(), law, seed=0)
    found = certify(g, x, REGION, RegionMode(max_votes=40_000)).certificate
    assert isinstance(found, Certified)
    assert shares(law, attacked(x, REGION), weights, bound).min() > 0.5
    wide = Region((-6.0, 0.0, 0.0), (6.0, 0.4, 0.0))
    radius = certify(g, x, wide, RadiusMode(n=2000), centres=16).certificate
    assert isinstance(radius, Certified)
    lost = min(
        fraction
        for fraction in np.linspace(0.01, 1.0, 100)
        if shares(law, attacked(x, wide.scaled(fraction)), weights, bound).min() < 0.5
    )
    assert 0.0 < radius.fraction < lost


def test_what_no_votes_can_reach_is_refused() -> None:
    far = Region((0.0, 0.0, 0.0), (0.0, 40.0, 0.0))
    with pytest.raises(UnreachableError):
        check_feasible(
            smoothed(law_of("exponential")), far, RegionMode(max_votes=2000), IndividualCovers(1)
        )
    check_feasible(smoothed(law_of("exponential")), REGION, RegionMode(max_votes=20_000))


def test_the_smoothed_classifier_takes_only_laws_of_the_right_axis() -> None:
    found = smoothed(law_of("exponential")).law
    assert found == replace(law_of("exponential"), unsmoothed=(2,))
    for law, message in (
        (ProductLaw("exponential", (0.4, 0.5, 0.0), 0, SIGMA), "alone: nothing else undoes"),
        (GaussianLaw((0.4, 0.5, 0.0), SIGMA), "draws negative values"),
        (ExponentialLaw(0.5, SIGMA), "1 scales for the 3 parameters"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            smoothed(law)
    # Where what is one-sided rests, nothing has to be undone.
    assert smoothed(GaussianLaw((0.4, 0.0, 0.0), SIGMA)).law.unsmoothed == (1, 2)


def test_listings_and_records_know_the_law() -> None:
    assert fitting_laws(Ageing) == KINDS
    assert fitting_laws(Ageing(rested=("age", "gain"))) == ("gaussian",)
    record = NoiseRecord.of(law_of("uniform"))
    axes = (AxisNoise("gaussian", 0.4), AxisNoise("uniform", 0.5), AxisNoise("gaussian", 0.0))
    assert record == NoiseRecord(SIGMA, True, axes)
    assert (record.name, record.sizes) == ("uniform", (0.4, 0.5, 0.0))
    assert record.build() == replace(law_of("uniform"), unsmoothed=(2,))


@pytest.mark.parametrize("kind", ["exponential", "folded-normal", "uniform"])
@pytest.mark.parametrize("along", [0.1, 1.8])
def test_float_errors_of_an_attacked_point_are_paid_in_a_line(kind: str, along: float) -> None:
    # Shifts of 1/10 std beside it: at right angles to them 1e-4 sigma would be next to nothing.
    sigma, error = 0.5, 0.5e-4
    law = ProductLaw(kind, (1.0, 2.0), 1, sigma)
    margin_model = MarginModel(law, error=error, variation=0.0, extra=0.0, proved=True)
    found = margin_model.margins(np.array([[0.1, along]]), np.zeros(1))
    attacked = law.along.margin([[along]], np.array([0.1 + error / sigma]))
    assert found[0] >= attacked[0] + error / sigma

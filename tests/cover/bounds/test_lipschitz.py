"""Actions that are no isometries (T5), and where float errors are taken: the engine's side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.cover.bounds.lipschitz import lipschitz_bounds
from gsmooth.cover.settings import COVER
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw, LaplaceLaw, Law, UniformLaw
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation

PIXEL = (1, 1, 1)


class LoudBounds(TransformationBounds["Loud"]):
    def lipschitz_bound(self, reach: tuple[float, ...]) -> float | None:
        return math.exp(reach[0]) if self.of.told else None

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return float(z.norm(dim=1).max()) * math.exp(reach[0]) * (offset[0] + 2.0**-48)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        # C = x + hum e^-k beyond 0, where it jumps; the corners hold both sides.
        return (-lower).exp() * abs(self.of.hum) * math.sqrt(x.numel())


@final
@dataclass(frozen=True)
class Loud(Transformation):
    """z e^theta; the attack adds ``hum`` to it, which noise on theta makes louder (T5)."""

    hum: float = 0.0
    told: bool = True

    name: ClassVar[str] = "loud"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("gain", "ln"),)
    bounds_class = LoudBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * theta[0].exp()

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        gain = theta[0][:, :, None, None]
        return x * gain.exp() + self.hum * (gain != 0.0)


class RootBounds(TransformationBounds["Root"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return 1e-9

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return lower.new_full(lower.shape, 1e-12 * math.sqrt(x.numel()))


@final
@dataclass(frozen=True)
class Root(Transformation):
    """|z|^(e^theta): infinitely steep at 0. The attack leaves 1e-12 in black pixels."""

    name: ClassVar[str] = "root"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("gamma", "ln"),)
    bounds_class = RootBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z.abs().pow(theta[0].exp())

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        power = theta[0][:, :, None, None]
        return self.act(x + 1e-12 * power.abs(), power)


class LampBounds(TransformationBounds["Lamp"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return 1e-3 * float(z.norm(dim=1).max())


@final
@dataclass(frozen=True)
class Lamp(Transformation):
    """z + theta: an isometry that moves the origin, with an error of a thousandth of the length."""

    name: ClassVar[str] = "lamp"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = LampBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]


def smoothed(operator: Transformation, law: Law) -> SmoothedClassifier:
    return SmoothedClassifier(
        Classifier(nn.Identity(), classes=2, shape=PIXEL), operator, law, seed=0
    )


def gaussian(scale: float, sigma: float) -> GaussianLaw:
    return GaussianLaw((scale,), sigma, orthogonal=False)


def dark(value: float = 0.0) -> Tensor:
    return torch.full(PIXEL, value, dtype=torch.float64)


@pytest.mark.parametrize(
    "law", [gaussian(0.3, 0.5), LaplaceLaw(0.3, 0.5), UniformLaw(0.3, 0.5)], ids=lambda v: v.name
)
def test_noise_leaves_the_reach_of_a_stretch_no_more_often_than_it_says(law: Law) -> None:
    found = lipschitz_bounds(smoothed(Loud(), law), Region((-0.1,), (0.2,)))
    assert found is not None
    uniform = (np.arange(2**20) + 0.5) * 2.0**-20
    theta = np.abs(law.theta_from_uniform(uniform[:, None]))[:, 0]
    for (rho0, lipschitz_bound), expected in zip(found, COVER.supremum.failures, strict=True):
        assert rho0 == expected
        beyond = np.mean(theta > math.log(lipschitz_bound) - 0.2)
        assert beyond <= rho0 + 2.0**-19


def worst_share(
    x: float, hum: float, scale: float, sigma: float, gain: float, required_p: float
) -> float:
    """Least share that the votes for "below a threshold" keep at the attacked pixel, by quadrature.

    The threshold is where it gives the clean pixel ``required_p`` of the votes.
    """
    beta = stats.norm.ppf((np.arange(4000) + 0.5) / 4000) * scale

    def below(level: float, pixel: float) -> float:
        return float(stats.norm.cdf((level - pixel * np.exp(beta)) / sigma).mean())

    low, high = -50.0, 50.0
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if below(middle, x) < required_p else (low, middle)
    return below(high, x * math.exp(gain) + hum)


@pytest.mark.parametrize(("x", "hum"), [(0.0, 0.1), (0.5, 0.1), (0.5, 0.4), (0.2, -0.3)])
def test_a_residual_that_noise_makes_louder_is_within_the_share_asked_for(
    x: float, hum: float
) -> None:
    scale, sigma = 0.5, 0.25
    g = smoothed(Loud(hum), gaussian(scale, sigma))
    region = Region((0.0,), (0.3,))
    cover = build_cover(g, dark(x), region, "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    for gain in (1e-9, 0.1, 0.3):
        assert worst_share(x, hum, scale, sigma, gain, cover.balls[0].required_p) >= 0.5


def test_the_margin_of_an_isometry_would_not_have_been_enough() -> None:
    scale, sigma, hum = 0.5, 0.25, 0.4
    plain = float(required_p_of_margin(math.hypot(1e-9, hum / sigma)))
    assert worst_share(0.0, hum, scale, sigma, 1e-9, plain) < 0.5


def test_what_is_left_over_is_heuristic_where_nobody_knows_the_stretch() -> None:
    region, law = Region((-0.1,), (0.1,)), gaussian(0.3, 0.5)
    assert build_cover(smoothed(Loud(told=False), law), dark(), region).guarantee is (
        Guarantee.INDIVIDUAL
    )
    for humming in (Loud(0.01, told=False), Loud(1e-13, told=False)):
        cover = build_cover(smoothed(humming, law), dark(), region)
        assert cover.guarantee is Guarantee.HEURISTIC


def test_a_residual_of_a_trillionth_is_not_nothing() -> None:
    # Noise of one std brightens 1e-12 to 1e-12^(1 / 20) = .25, and 0 to nothing.
    scale = math.log(20.0)
    lifted = Root().act(torch.tensor([[1e-12]]).double(), torch.tensor([[-scale]]).double())
    assert float(lifted) > 0.25
    cover = build_cover(smoothed(Root(), gaussian(scale, 2.0**-8)), dark(), Region((-0.1,), (1.0,)))
    assert cover.guarantee is Guarantee.HEURISTIC


def test_float_errors_are_taken_where_an_isometry_has_moved_the_point() -> None:
    g = smoothed(Lamp(), GaussianLaw((0.1,), 0.25))
    for ball in build_cover(g, dark(), Region((-1.0,), (1.0,)), 20).balls:
        error = 1e-3 * float(ball.z.norm())
        assert ball.margin >= 2.0 * error / 0.25
    one = build_cover(g, dark(), Region((0.0,), (1.0,)), 8).balls[-1]
    none = build_cover(g, dark(), Region((0.0,), (1e-9,)), 1).balls[0]
    assert one.margin - (1.0 / 16.0) / 0.1 > 2.0 * 0.9e-3 / 0.25
    assert none.margin < 1e-4


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("contrast", {"clip": True, "high": 0.5}),
        ("brightness", {"clip": True, "high": 0.5}),
        ("volume", {"clip": True, "high": 0.5}),
    ],
)
def test_centres_are_where_an_attack_that_clips_leaves_the_image(
    spec: str, options: dict[str, Any]
) -> None:
    """A pixel of 1 is cut to 0.5 by every attack, theta = 0 included: centres are not around 1."""
    operator = load_transformation(spec, options).for_shape(PIXEL)
    model = Classifier(nn.Flatten(), classes=2, shape=PIXEL)
    noise = UniformLaw(0.3, 0.25)
    g = SmoothedClassifier(model, operator, noise, seed=0)
    image = torch.ones(PIXEL, dtype=torch.float64)
    cover = build_cover(g, image, Region((0.0,), (0.25,)), 3)
    theta = torch.linspace(0.0, 0.25, 26, dtype=torch.float64)[:, None]
    attacked = operator.lift(operator.attack(image.expand(26, -1, -1, -1), theta))
    pulled = operator.act(attacked, -theta)
    for ball in cover.balls:
        back = torch.tensor([[-ball.theta[0]]], dtype=torch.float64)
        centre = operator.act(ball.z[None], back)
        # Far from 1/2, which is how far 1 is from all of them.
        assert float((pulled - centre).norm(dim=1).min()) < 0.1

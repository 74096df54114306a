"""A transformation of two parameters with known derivatives, and helpers of tests of covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.cover import Cover
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region


class WeaveBounds(TransformationBounds["Weave"]):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        phase = sum(3.0 * (far * 2.0**-50 + off) for far, off in zip(reach, offset, strict=True))
        return float(z.norm(dim=1).max()) * (phase + 2.0**-48)

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return (0.0,) if axis == 0 else ()

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return self._rates(lower, 1) * float(x.norm())

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return self._rates(lower, 2) * float(x.norm()) if self.of.smooth else None

    def _rates(self, lower: Tensor, power: int) -> Tensor:
        rates = torch.tensor([self.of.rate, 2.0 * self.of.rate], dtype=torch.float64)
        return (self.of.height * rates**power).expand(lower.shape).clone()


@final
@dataclass(frozen=True)
class Weave(Transformation):
    """Pairs of pixels rotate by order_1 a + order_2 b; the attack adds |sin| ridges along a and b.

    C(a, b) = (1 + height (|sin(rate a)| + sin(2 rate b))) x. It has kinks at a = 0, where cells
    end, and its derivatives and curvatures are known exactly. smooth=False claims no curvature.
    """

    height: float = 0.05
    rate: float = 2.0
    smooth: bool = True

    name: ClassVar[str] = "weave"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("a", "rad"), Parameter("b", "rad"))
    orthogonal: ClassVar[bool] = True
    bounds_class = WeaveBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        half = z.shape[1] // 2
        order = 1.0 + torch.arange(half, dtype=torch.float64) % 3.0
        phase = theta[0] * order + theta[1] * (4.0 - order)
        cos, sin = torch.cos(phase), torch.sin(phase)
        one, other = z[:, :half], z[:, half:]
        return torch.cat([cos * one - sin * other, sin * one + cos * other], dim=1)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        ridge = torch.sin(self.rate * theta[0]).abs() + torch.sin(2.0 * self.rate * theta[1])
        turned = self.act(x.flatten(1), *theta)
        return (turned * (1.0 + self.height * ridge)).reshape(x.shape)


def smoothed(
    transformation: Transformation,
    shape: tuple[int, int, int],
    scales: tuple[float, ...],
    sigma: float = 0.25,
    **options: Any,
) -> SmoothedClassifier:
    """Return a smoothed classifier for covers; its network is not called."""
    network = Classifier(nn.Identity(), classes=2, shape=shape)
    law = GaussianLaw(scales, sigma, transformation.orthogonal)
    return SmoothedClassifier(network, transformation, law, **{"seed": 0, **options})


def uniform_thetas(region: Region, count: int, seed: int = 0) -> np.ndarray:
    """Random parameters of a region, (count, m)."""
    rng = np.random.default_rng(seed)
    return rng.uniform(region.lower, region.upper, size=(count, region.dimensions))


def worst_margin(cover: Cover) -> float:
    """The largest margin of a cover."""
    return max(ball.margin for ball in cover.balls)

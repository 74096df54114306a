"""A correct part of compositions, and parts with one false claim each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gsmooth.transforms.base import AffineIntensity, Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from tests.testing.planted import Turn, TurnBounds, Untold, orders


class NamedBounds(TurnBounds):
    def action_derivative(self, z: Tensor) -> Tensor | None:
        order = orders(z.shape[1] // 2)
        derivative: Tensor = (z.reshape(len(z), 2, -1) * order).flatten(1).norm(dim=1, keepdim=True)
        return derivative * (1.0 + 1e-12)


class Named(Turn):
    """Correct: the rotation of pairs with a named z-space and the methods for compositions."""

    bounds_class = NamedBounds

    @property
    def z_space(self) -> str:
        return "turn"


class Settled(Named):
    """fixed_part keeps everything."""

    def fixed_part(self, z: Tensor) -> Tensor:
        return z


class SlowBounds(NamedBounds):
    def action_derivative(self, z: Tensor) -> Tensor | None:
        derivative = super().action_derivative(z)
        return None if derivative is None else 0.9 * derivative


class Slow(Named):
    """action_derivative is a tenth too small."""

    bounds_class = SlowBounds


class Precise(Named):
    """An attack that differs from its action, but claims to be exact."""

    @property
    def exact(self) -> bool:
        return True


class Bent(Untold):
    """A shift of all pixels, which is affine and not linear, in a space with a name."""

    @property
    def z_space(self) -> str:
        return "bent"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return x + theta[0][:, :, None, None]


class DriftingBounds(TransformationBounds["Drifting"]):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        size = math.sqrt(z.shape[1]) * (1.0 + reach[0])
        return 2.0**-50 * (float(z.norm(dim=1).max()) + size) + size * offset[0]


@dataclass(frozen=True)
class Drifting(Transformation):
    """A shift of all pixels, by a tenth less than in its affine_intensity."""

    name: ClassVar[str] = "drifting"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("drift", "of the pixel scale"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = DriftingBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + 0.9 * theta[0]

    def affine_intensity(self) -> AffineIntensity | None:
        return AffineIntensity(0.0, 1.0)

"""Transformations of pixel values whose attack may be clipped to a range."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds

if TYPE_CHECKING:
    from torch import Tensor

    from gsmooth.geometry.pixel_values import Gain


class Clipped(Transformation):
    """A transformation of one parameter that acts on every pixel by itself, clipped or not.

    Subclasses are dataclasses with these options.
    """

    clip: bool
    low: float
    high: float

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: (N, C, H, W) and theta (N, 1) -> (N, C, H, W); the action, clipped if ``clip``."""
        moved = self.act(x, theta[0][:, :, None, None])
        return moved.clamp(self.low, self.high) if self.clip else moved

    def keeps_range(self, low: float, high: float) -> bool:
        """Whether what is clipped to [self.low, self.high] lies in [low, high]."""
        return self.clip and low <= self.low and self.high <= high


T_co = TypeVar("T_co", bound=Clipped, covariant=True)


class GainBounds(TransformationBounds[T_co]):
    """Bounds of an attack that multiplies the distance from a grey, clipped or not (T5)."""

    @property
    @abstractmethod
    def gain(self) -> Gain:
        """The factor and the grey, for the options of the transformation."""

    def lipschitz_bound(self, reach: tuple[float, ...]) -> float:
        """The factor at ``reach``, by which T multiplies distances."""
        return math.exp(reach[0] * self.gain.rate) * (1.0 + 1e-12)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the sum of (C - about)^2 over pixels clipped in the cell; (n, 1) -> (n, 1)."""
        return self.gain.carried(x, lower, upper)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the sum of (psi - about)^2 over pixels that are not clipped all over the cell."""
        return self.gain.attacked(x, lower, upper)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Rate times the bound on psi': psi'' = rate psi'; None with ``clip``: psi has kinks."""
        if self.of.clip:
            return None
        return self.gain.rate * self.attack_derivative_bound(x, lower, upper)

"""Transformations of pixel values whose attack may be clipped to a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.transforms.base import Transformation

if TYPE_CHECKING:
    from torch import Tensor


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

"""Brightness: the same number added to every pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth.transforms.base import AffineIntensity


@final
@dataclass(frozen=True)
class Brightness(Transformation):
    """psi_b(x) = x + b in every pixel; with ``clip``, what leaves [low, high] ends at its ends.

    Action: T_b z = z + b on the pixels. It is an affine isometry: T_b (z + e) = T_b z + e, so a
    residual is the same for every b and T4 holds. Without ``clip`` the attack is the action and
    nothing is left over (T2); pixels may then leave the range of the images.

    With ``clip`` the attacked image pulled back is C(b) = clip(x + b) - b: a pixel stays where it
    is until it is clipped, and from then on moves against b at rate 1. So ||dC/db|| is the root of
    the number of pixels that are clipped at b, and a pixel clipped anywhere in a cell of a cover is
    clipped at one of its ends. Images that have many black or white pixels lose many of them at
    once, and covers need more centres.
    """

    clip: bool = False
    low: float = 0.0
    high: float = 1.0

    name: ClassVar[str] = "brightness"
    summary: ClassVar[str] = "shift of brightness, x + b, clipped to the range or not"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("brightness", "of the pixel scale", "added to every pixel", usual=0.3),
    )
    orthogonal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"brightness: low={self.low}, high={self.high} must be finite and low < high"
            )

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """z + b, row by row: z (N, K), b (N, 1) -> (N, K)."""
        return z + theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: (N, C, H, W) and b (N, 1) -> (N, C, H, W)."""
        moved = x + theta[0][:, :, None, None]
        return moved.clamp(self.low, self.high) if self.clip else moved

    def affine_intensity(self) -> AffineIntensity | None:
        """The same shift of every pixel; with ``clip`` it is not affine."""
        return None if self.clip else AffineIntensity(0.0, 1.0)

    def keeps_range(self, low: float, high: float) -> bool:
        """Whether what is clipped to [self.low, self.high] lies in [low, high]."""
        return self.clip and low <= self.low and self.high <= high

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """One sum a pixel is rounded, by 2^-53 of itself, and b may be off by ``offset``."""
        root = math.sqrt(z.shape[1])
        largest = float(z.norm(dim=1).max()) + root * (reach[0] + offset[0])
        return (2.0**-52 * largest + root * offset[0]) * (1.0 + 1e-12)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the number of pixels that are clipped somewhere in the cell; (n, 1) -> (n, 1)."""
        if not self.clip:
            return lower.new_zeros(lower.shape)
        values, counts = _histogram(x)
        clipped = (values + upper > self.high) | (values + lower < self.low)
        return _root(clipped, counts)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the number of pixels that move with b somewhere in the cell."""
        values, counts = _histogram(x)
        if not self.clip:
            return _root(values.new_ones(len(lower), len(values)), counts)
        return _root((values + lower < self.high) & (values + upper > self.low), counts)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """0: psi is affine in b. None with ``clip``, which bends it."""
        return None if self.clip else lower.new_zeros(lower.shape)


def _histogram(x: Tensor) -> tuple[Tensor, Tensor]:
    """The values (k,) that pixels of x have, and how many pixels have each, (k,)."""
    values, counts = x.flatten().unique(return_counts=True)  # type: ignore[no-untyped-call]
    return values, counts.to(x.dtype)


def _root(chosen: Tensor, counts: Tensor) -> Tensor:
    """Root of the number of chosen pixels, rounded up; chosen (n, k), counts (k,) -> (n, 1).

    Comparisons are made on rounded sums. A pixel that only rounding keeps from being chosen is
    clipped on less than an ulp of b, and moves by less: covers allow for that (C2).
    """
    number = (chosen * counts).sum(dim=1, keepdim=True)
    return number.sqrt() * (1.0 + 1e-12)

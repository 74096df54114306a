"""Brightness: the same number added to every pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gsmooth import Parameter, TransformationBounds
from gsmooth.geometry.pixel_values import PixelValues
from gsmooth.transforms.base import AffineIntensity
from gsmooth.transforms.clipped import Clipped


class BrightnessBounds(TransformationBounds["Brightness"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the rounding of one sum for each pixel (2^-53 of it) and an offset of b."""
        root = math.sqrt(z.shape[1])
        largest = float(z.norm(dim=1).max()) + root * (reach[0] + offset[0])
        return (2.0**-52 * largest + root * offset[0]) * (1.0 + 1e-12)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the number of pixels that are clipped somewhere in the cell; (n, 1) -> (n, 1)."""
        if not self.of.clip:
            return lower.new_zeros(lower.shape)
        pixels = PixelValues.of(x)
        clipped = (pixels.values + upper > self.of.high) | (pixels.values + lower < self.of.low)
        return _root(pixels, clipped)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the number of pixels that move with b somewhere in the cell."""
        pixels = PixelValues.of(x)
        if not self.of.clip:
            return _root(pixels, pixels.values.new_ones(len(lower), len(pixels.values)))
        moving = (pixels.values + lower < self.of.high) & (pixels.values + upper > self.of.low)
        return _root(pixels, moving)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """0, since psi is affine in b; None with ``clip``, when it is only piecewise affine."""
        return None if self.of.clip else lower.new_zeros(lower.shape)


@final
@dataclass(frozen=True)
class Brightness(Clipped):
    """psi_b(x) = x + b in every pixel; with ``clip``, pixels are clipped to [low, high].

    Action: T_b z = z + b on the pixels. It is an affine isometry: T_b (z + e) = T_b z + e, so a
    residual is the same for every b, as T4 needs. Without ``clip`` the attack is the action, and
    the residual is 0 (T2); pixels may then leave the range of the images.

    With ``clip`` the attacked image pulled back is C(b) = clip(x + b) - b: a pixel stays where it
    is until it is clipped, and from then on moves against b at rate 1. So ||dC/db|| is the root of
    the number of pixels that are clipped at b, and a pixel clipped anywhere in a cell of a cover is
    clipped at one of its ends. In images with many black or white pixels, many are clipped at the
    same b, and covers need more centres.
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
    bounds_class = BrightnessBounds

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"brightness: low={self.low}, high={self.high} must be finite and low < high"
            )

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """z + b, row by row: z (N, K), b (N, 1) -> (N, K)."""
        return z + theta[0]

    def affine_intensity(self) -> AffineIntensity | None:
        """Gain 1 and shift b; None with ``clip``, since the attack is then not affine."""
        return None if self.clip else AffineIntensity(0.0, 1.0)


def _root(pixels: PixelValues, chosen: Tensor) -> Tensor:
    """Root of the number of chosen pixels, rounded up; chosen (n, k) -> (n, 1).

    Comparisons use rounded sums. If rounding alone excludes a pixel, it is clipped on less than an
    ulp of b and moves by less than that; the slack of covers includes it (C2: bounds on cells).
    """
    return pixels.norm(chosen.to(pixels.counts.dtype))

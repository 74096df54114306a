"""Contrast: the differences of all pixels from a fixed grey, multiplied by the same number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gsmooth import Parameter
from gsmooth.geometry.pixel_values import Gain
from gsmooth.transforms.base import AffineIntensity
from gsmooth.transforms.clipped import Clipped, GainBounds


class ContrastBounds(GainBounds["Contrast"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound four roundings for each pixel, of numbers up to ``largest``, and an offset of k.

        For |k| <= reach, an offset moves e^k (z - about) by at most offset e^(reach + offset)
        |z - about|.
        """
        largest = float(z.norm(dim=1).max()) + 2.0 * abs(self.of.about) * math.sqrt(z.shape[1])
        return math.exp(reach[0] + offset[0]) * largest * (offset[0] + 2.0**-50) * (1.0 + 1e-12)

    @property
    def gain(self) -> Gain:
        return Gain(self.of.about, 1.0, self.of.clip, self.of.low, self.of.high)


@final
@dataclass(frozen=True)
class Contrast(Clipped):
    """psi_k(x) = about + e^k (x - about); with ``clip``, pixels are clipped to [low, high].

    k is additive: a contrast of 1.2 is k = ln 1.2.
    Action: T_k z = about + e^k (z - about) on the pixels. It is exact and multiplies distances by
    e^k, so it is no isometry. Without ``clip`` the attack is the action, and the residual is 0
    (T2). Residuals from clipping, rounding or an l2 ball grow with the noise on k (T5; see
    ``lipschitz_bound``).

    With ``clip`` the attacked image pulled back is that of ``gsmooth.geometry.pixel_values.Gain``.

    about: the grey that does not change; 0 makes it a gain.
    """

    about: float = 0.5
    clip: bool = False
    low: float = 0.0
    high: float = 1.0

    name: ClassVar[str] = "contrast"
    summary: ClassVar[str] = "contrast or gain, about + e^k (x - about), clipped or not"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "contrast", "ln", "logarithm of the factor; 0.1 is 10.5% more contrast", usual=0.3
        ),
    )
    bounds_class = ContrastBounds

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.about, self.low, self.high)):
            raise ValueError(
                f"contrast: about={self.about}, low={self.low}, high={self.high} must be finite"
            )
        if self.clip and not (self.low <= self.about <= self.high and self.low < self.high):
            raise ValueError(
                f"contrast: with clip, about={self.about} must lie in the range"
                f" [low, high] = [{self.low}, {self.high}]"
            )

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """about + e^k (z - about), row by row: z (N, K), k (N, 1) -> (N, K)."""
        return self.about + (z - self.about) * theta[0].exp()

    def affine_intensity(self) -> AffineIntensity | None:
        """Gain e^k about the grey ``about``; None with ``clip``, when the attack is not affine."""
        return None if self.clip else AffineIntensity(1.0, -self.about)

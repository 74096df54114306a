"""Gamma: pixels raised to the same power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth.geometry.pixel_values import PixelValues

BENT: Final = ((3.0 - math.sqrt(5.0)) / 2.0, (3.0 + math.sqrt(5.0)) / 2.0)
"""Where |u (1 - u)| e^-u is steepest: the roots of u^2 - 3u + 1."""
SMALLEST: Final = 700.0
"""-ln of the numbers that float64 begins to lose (2^-1022 is e^-708.4)."""
NUMERICAL: Final = 1e-9
"""Outward slack of the bounds for float64 arithmetic, relative."""


@final
@dataclass(frozen=True)
class Gamma(Transformation):
    """psi_g(x) = x^(e^g) for pixels in [0, 1]; g > 0 darkens. Gamma 2.2 is g = ln 2.2 = 0.788.

    The action is the attack, pixel by pixel, so nothing is left over (T2). It is not linear: the
    theorem asks only for the law of composition, since noise is added after the action. To be a
    law for every real number it keeps the sign, and leaves pixels beyond [-1, 1], which no such
    image has, as they are: 0 and 1 do not move, so what is glued together there stays continuous.

    No two pixels keep within a multiple of their distance (powers are infinitely steep at 0), so
    with noise on g nothing may be added to the attack: rounding (region.bits) and an l2 ball are
    certified with T = id, and heuristic otherwise. A bound exists and buys nothing: |a^p - b^p| <=
    |a - b|^p for p <= 1 makes of half a level of 8 bits, 1/510, up to .11 where the exponent may
    fall to .35 (noise and region together 1.05), and of 100 grey pixels 1.1, or 4.5 at sigma .25:
    more than any number of votes can certify.
    """

    name: ClassVar[str] = "gamma"
    summary: ClassVar[str] = "gamma correction, pixels to the power e^g"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gamma", "ln", "logarithm of the exponent; positive is darker", usual=0.5),
    )

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """sign(z) |z|^(e^g) where |z| <= 1, else z; z (N, K), g (N, 1) -> (N, K)."""
        size = z.abs()
        inner = (size > 0.0) & (size < 1.0)
        # Gradients at 0 are those of this constant: the power itself is infinitely steep there.
        power = torch.where(inner, size, 0.5).pow(theta[0].exp())
        return torch.where(inner, z.sign() * power, z)

    def keeps_range(self, low: float, high: float) -> bool:
        """Whether [low, high] ends at points that do not move."""
        return (low == 0.0 or low <= -1.0) and (high == 0.0 or high >= 1.0)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """The same for every z of K pixels, for numbers outside (-1, 1) do not move.

        With u = e^g |ln x| the derivative of x^(e^g) along g is -u e^-u, at most 1 / e: so much of
        ``offset`` and of the rounding of e^g arrives. T_theta c, which is voted on, and an attacked
        image are rounded themselves before T_g acts, by a few ulps and u ulps of theirs: e^g of the
        first arrive, and at most 1 / e of the second. Where they are smaller than float64 can hold
        (u > 700) they are lost, and with them no more than e^(-700 e^-g).
        """
        most = math.exp(min(reach[0], SMALLEST))
        ulps = 16.0 + 16.0 * most
        pixel = offset[0] / math.e + 2.0**-53 * ulps + math.exp(-SMALLEST / most)
        return math.sqrt(z.shape[1]) * pixel * (1.0 + 1e-12)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the sum of sup (u e^-u)^2, u = e^g |ln x|: largest at u = 1; (n, 1) -> (n, 1)."""
        depths = _depths(x)
        low, high = depths.values * lower.exp(), depths.values * upper.exp()
        steepest = torch.ones_like(low).clamp(low, high)
        return depths.norm(steepest * (-steepest).exp(), NUMERICAL)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """The same of d^2 psi / dg^2 = -u (1 - u) e^-u, largest at two points or an end."""
        depths = _depths(x)
        low, high = depths.values * lower.exp(), depths.values * upper.exp()
        tried = [low, high, *(torch.full_like(low, at).clamp(low, high) for at in BENT)]
        bent = torch.stack([(u * (1.0 - u)).abs() * (-u).exp() for u in tried])
        return depths.norm(bent.amax(dim=0), NUMERICAL)


def _depths(x: Tensor) -> PixelValues:
    """-ln |x| of the values that move, and how many pixels have each."""
    values, counts = PixelValues.of(x)
    size = values.abs()
    moving = (size > 0.0) & (size < 1.0)
    return PixelValues(-size[moving].log(), counts[moving])

"""Gamma correction: all pixels raised to the same power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation, TransformationBounds
from gsmooth.geometry.pixel_values import PixelValues

BENT: Final = ((3.0 - math.sqrt(5.0)) / 2.0, (3.0 + math.sqrt(5.0)) / 2.0)
"""Where |u (1 - u)| e^-u is steepest: the roots of u^2 - 3u + 1."""
SMALLEST: Final = 700.0
"""-ln of the numbers that float64 begins to lose (2^-1022 is e^-708.4)."""
NUMERICAL: Final = 1e-9
"""Outward slack of the bounds for float64 arithmetic, relative."""


class GammaBounds(TransformationBounds["Gamma"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the error for all z of K pixels; numbers outside (-1, 1) are fixed points.

        With u = e^g |ln x|, the derivative of x^(e^g) in g is -u e^-u, at most 1 / e in size, which
        multiplies ``offset`` and the rounding error of e^g. The argument of T_g (a centre or an
        attacked image) has rounding errors of a few ulps, multiplied by e^g, and of u ulps,
        multiplied by at most 1 / e. Numbers below the range of float64 (u > 700) are lost, which
        changes the result by at most e^(-700 e^-g).
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


@final
@dataclass(frozen=True)
class Gamma(Transformation):
    """psi_g(x) = x^(e^g) for pixels in [0, 1]; g > 0 darkens. Gamma 2.2 is g = ln 2.2 = 0.788.

    The action is the attack, pixel by pixel, so the residual is 0 (T2). The action is not linear;
    T2 needs only its law of composition, since noise is added after the action. For all real
    numbers z it is defined with the sign of z, and as the identity outside [-1, 1]. It is
    continuous, since -1, 0 and 1 are fixed points.

    Powers are infinitely steep at 0, so the action has no Lipschitz constant. With noise on g
    nothing may be added to the attack: certificates for rounding (region.bits) or an l2 ball are
    heuristic, except with T = id. The bound |a^p - b^p| <= |a - b|^p for p <= 1 does not help: half
    a level of 8 bits, 1/510, becomes up to .11 if the exponent can fall to .35 (noise and region
    together 1.05). For 100 grey pixels that is 1.1, or 4.5 in units of sigma = .25, which no number
    of votes can certify.
    """

    name: ClassVar[str] = "gamma"
    summary: ClassVar[str] = "gamma correction, pixels to the power e^g"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gamma", "ln", "logarithm of the exponent; positive is darker", usual=0.5),
    )
    bounds_class = GammaBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """sign(z) |z|^(e^g) where |z| <= 1, else z; z (N, K), g (N, 1) -> (N, K)."""
        size = z.abs()
        inner = (size > 0.0) & (size < 1.0)
        # The power is infinitely steep at 0; there gradients are those of this constant.
        power = torch.where(inner, size, 0.5).pow(theta[0].exp())
        return torch.where(inner, z.sign() * power, z)

    def keeps_range(self, low: float, high: float) -> bool:
        """True if low and high are fixed points."""
        return (low == 0.0 or low <= -1.0) and (high == 0.0 or high >= 1.0)


def _depths(x: Tensor) -> PixelValues:
    """Return -ln |x| of the values that are no fixed points, and the number of pixels with each."""
    values, counts = PixelValues.of(x)
    size = values.abs()
    moving = (size > 0.0) & (size < 1.0)
    return PixelValues(-size[moving].log(), counts[moving])

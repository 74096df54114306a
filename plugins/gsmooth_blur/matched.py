"""The sampled Gaussian kernel with its own variance v: weights q^(k^2), with q such that E k^2 = v.

With q = exp(-1 / 2s) these are the kernels exp(-k^2 / 2s) of ``SampledKernel``. Their variance
E k^2 is less than s (.07 at s = .15), so as a function of s the blur is slower than the action by a
term of order omega^2. As functions of v, both agree to the order omega^2 and differ at omega^4.

Let u = k^2. The weights are an exponential family in ln q, so dE[f] / d ln q = Cov(f, u); E u grows
strictly from 0 (q = 0) to R (R + 1) / 3 (q = 1, the box of radius R), and dE[f] / dv = Cov(f, u) /
Var u. With f = cos(sqrt(u) omega), |df/du| <= omega^2 / 2 and |d2f/du2| <= omega^4 / 12 (integrals
of sines and cosines; both are largest at u = 0). Two bounds follow, for every v >= 0:

*First.* 2 Cov(f, u) = E (f - f')(u - u') over independent copies, so |dm/dv| <= omega^2 / 2.

*Second.* d2E[f]/dv2 = E[r (u - v)^2] / Var^2 with r the residual of the regression of f on u. It
does not depend on the affine part of f. The rest is R(u), |R| <= M (u - v)^2 / 2, M = omega^4 / 12:
|E R| <= M Var / 2, a slope of at most M E|u - v|^3 / (2 Var), and E|u - v|^3 <= sqrt(mu4 Var). So
|d2m/dv2| <= M (mu4 / Var^2 + 1/2), mu4 the fourth central moment of u. On a cell of v the moments
E u^n are between their values at its ends, since larger q move weight outwards. And Var u >=
v (1 - v), since u is an integer and u^2 >= u.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError

HALVINGS: Final = 40
"""Number of halvings of [0, 1], which give q to 1e-12; a Newton step then doubles the digits."""


@final
@dataclass(frozen=True)
class MatchedKernel:
    """Kernels with weights at the whole numbers -radius .. radius, by their variance (n,), px^2.

    C3 bounds derivatives of a warp on cells; here it is used for derivatives in the variance.
    """

    radius: int

    @property
    def largest(self) -> float:
        """Variance of the box kernel, px^2, the largest for this radius."""
        return self.radius * (self.radius + 1) / 3.0

    def weights(self, variance: Tensor) -> Tensor:
        """(n, 2 radius + 1), by k = -radius .. radius; as ``base``."""
        half = self._half(self.base(variance))[0]
        return torch.cat([half[:, 1:].flip(1), half], dim=1)

    def transfer(self, variance: Tensor, omega: Tensor) -> tuple[Tensor, Tensor]:
        """m and dm / dv at omega (h,): both (n, h)."""
        half, moved = self._half(self.base(variance))
        twice = torch.cat([half[:, :1], 2.0 * half[:, 1:]], dim=1)
        change = torch.cat([moved[:, :1], 2.0 * moved[:, 1:]], dim=1)
        cosines = torch.cos(self._roots(variance)[:, None] * omega)
        rate = (change * self._squares(variance)).sum(dim=1, keepdim=True)
        return twice @ cosines, change @ cosines / rate

    def base(self, variance: Tensor) -> Tensor:
        """q (n,) with E k^2 = variance, smooth; NaN below 0, refused above ``largest``."""
        known = variance.detach()
        if bool((known > self.largest).any()):
            raise ConfigurationError(
                f"blur: variance={float(known.max()):.6g} px^2, but kernels of radius_px="
                f"{self.radius} have {self.largest:.6g} at most; choose a larger radius_px"
            )
        low, high = torch.zeros_like(known), torch.ones_like(known)
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            short = self._variance(middle)[0] < known
            low, high = torch.where(short, middle, low), torch.where(short, high, middle)
        # For the least variances the start is q = 0, which halving never reaches.
        start = torch.where(low > 0.0, (low + high) / 2.0, low)
        reached, slope = self._variance(start)
        q = (start + (variance - reached) / slope).clamp(0.0, 1.0)
        return torch.where(variance >= 0.0, q, torch.nan)

    def kernel_derivative(self, power: Tensor, down: Tensor, along: Tensor) -> Tensor:
        """sup ||dM_v z / dv|| over all v: |d(m m)/dv| <= (omega_y^2 + omega_x^2) / 2."""
        rate = (down.square()[:, None] + along.square()) / 2.0
        return (rate.square() * power).sum().sqrt() * (1.0 + 1e-9)

    def kernel_curvature(
        self, power: Tensor, down: Tensor, along: Tensor, lower: Tensor, upper: Tensor
    ) -> Tensor:
        """sup ||d2M_v z / dv2|| over cells (n,): m'' m + 2 m' m' + m m'', and |m| <= 1."""
        straight = (down.square()[:, None] * along.square() / 2.0).square() * power
        curved = ((down**4)[:, None] + along**4).div(12.0).square() * power
        bent, slack = curved.sum().sqrt(), self._tails(lower, upper) + 0.5
        # At v = 0 the bound is infinite, but for coefficients 0 the derivative is 0.
        bent = slack * bent if bool(bent > 0.0) else torch.zeros_like(slack)
        return (bent + straight.sum().sqrt()) * (1.0 + 1e-9)

    def _tails(self, lower: Tensor, upper: Tensor) -> Tensor:
        """A bound on mu4 / Var^2 of k^2 over cells of the variance, (n,); inf at 0."""
        least, most = self._moments(lower), self._moments(upper)
        fourth = most[4] - 4.0 * lower * least[3] + 6.0 * upper**2 * most[2] - 3.0 * lower**4
        spread = least[2] - upper**2
        whole = torch.minimum(lower * (1.0 - lower), upper * (1.0 - upper))
        spread = torch.maximum(spread, whole)
        # Another bound: |u - v| <= radius^2.
        fourth = torch.minimum(fourth, (most[2] - lower**2) * float(self.radius) ** 4)
        tails = fourth / spread.square() * (1.0 + 1e-9)
        return torch.where(spread > 0.0, tails, torch.inf)

    def _moments(self, variance: Tensor) -> list[Tensor]:
        half = self._half(self.base(variance))[0]
        squares = self._squares(variance)
        return [2.0 * (half[:, 1:] * squares[1:] ** n).sum(dim=1) for n in range(5)]

    def _variance(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """E k^2 and its derivative in q, (n,) each."""
        half, moved = self._half(q)
        squares = 2.0 * self._squares(q)
        return (half * squares).sum(dim=1), (moved * squares).sum(dim=1)

    def _half(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and their derivatives in q for k = 0 .. radius, (n, radius + 1) each."""
        squares = self._squares(q)
        one = torch.ones_like(q)[:, None]
        bare = torch.cat([one, q[:, None] ** squares[1:]], dim=1)
        slope = torch.cat([0.0 * one, squares[1:] * q[:, None] ** (squares[1:] - 1.0)], dim=1)
        total = 2.0 * bare.sum(dim=1, keepdim=True) - 1.0
        moved = 2.0 * slope.sum(dim=1, keepdim=True)
        weights = bare / total
        return weights, (slope - weights * moved) / total

    def _roots(self, like: Tensor) -> Tensor:
        return torch.arange(self.radius + 1, dtype=like.dtype, device=like.device)

    def _squares(self, like: Tensor) -> Tensor:
        return self._roots(like).square()

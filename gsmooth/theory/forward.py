"""Laws of theta >= 0 that certify shifts >= 0 only, from the lower end of a piece (T3).

T3: after a positive shift the density ratio is bounded, and after a negative one it is not. The
theorems do not use T_(-theta), so they fit attacks without an inverse, such as blur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.theory.arguments import require_lower_bound
from gsmooth.theory.law import OneScaleLaw, displacement, goal_margin, uniforms
from gsmooth.theory.normal import (
    ROUNDING,
    Floats,
    failure_of_margin,
    margin_of_failure,
    normal_quantile,
    raise_margin,
)
from gsmooth.theory.radii import round_p_down


@final
@dataclass(frozen=True)
class ExponentialLaw(OneScaleLaw):
    """Exponential noise on one parameter >= 0: radius -scale ln(2 - 2 p), for shifts >= 0 (T3).

    T3: after a shift g the density ratio is 0 below g and exp(g / scale) above, so at most that
    factor multiplies the probability of failing votes. A negative shift requires probability 1, so
    the centre is the lower end of its piece. A residual raises the target (T5, Jensen). Source: Li
    et al. (2021).

    Args:
        scale: Mean of theta, in the unit of the parameter, > 0.
        sigma: Standard deviation of the noise on z; 0 allows no residual.

    Example:
        >>> round(ExponentialLaw(scale=4.0).radius(0.99), 2)
        15.65
    """

    name: ClassVar[str] = "exponential"

    @property
    def forward_axes(self) -> tuple[int, ...]:
        return (0,)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = displacement(shift, 1)[..., 0]
        kept = multiplied(
            goal_margin(self.sigma, residual, rho0, tv), np.abs(moved) / self.scale, tv
        )
        return np.asarray(np.where(moved < 0.0, np.inf, kept))

    def radius(self, p_lower: float) -> float:
        return multiplied_radius(p_lower, self.scale)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return np.asarray(-self.scale * np.log1p(-uniforms(u, 1)))

    def one_sided(self) -> ExponentialLaw:
        return self


@final
@dataclass(frozen=True)
class FoldedNormalLaw(OneScaleLaw):
    """Folded normal noise on one parameter >= 0: theta ~ |N(0, scale^2)|, for shifts >= 0 (T3).

    T3: the radius is scale (Phi^-1((1 + p) / 2) - Phi^-1(3/4)). After a shift g the density ratio
    is 0 below g and exp((2 g b - g^2) / (2 scale^2)) above, which grows with b: of all sets of
    failing votes a tail b > t gains most (Neyman and Pearson). Its probability is 2 (1 - Phi(t /
    scale)) before and 2 (1 - Phi((t - g) / scale)) after. A residual raises the target (T5,
    Jensen). Source: Li et al. (2021).

    Args:
        scale: Standard deviation of the normal variable, in the unit of the parameter, > 0.
        sigma: Standard deviation of the noise on z; 0 allows no residual.

    Example:
        >>> round(FoldedNormalLaw(scale=4.0).radius(0.99), 2)
        7.61
    """

    name: ClassVar[str] = "folded-normal"

    @property
    def forward_axes(self) -> tuple[int, ...]:
        return (0,)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = displacement(shift, 1)[..., 0]
        failing = failure_of_margin(goal_margin(self.sigma, residual, rho0, tv))
        tail = margin_of_failure(failing / 2.0) + np.abs(moved) / self.scale
        before = 2.0 * failure_of_margin(tail * (1.0 + ROUNDING))
        kept = raise_margin(margin_of_failure(before), tv)
        return np.asarray(np.where(moved < 0.0, np.inf, kept))

    def radius(self, p_lower: float) -> float:
        require_lower_bound(p_lower)
        failing = 1.0 - round_p_down(p_lower)
        # Both quantiles at their outward sides: ndtri is good to a quarter of ROUNDING.
        tail = -float(normal_quantile(failing / 2.0)) * (1.0 - ROUNDING)
        start = -float(normal_quantile(0.25)) * (1.0 + ROUNDING)
        return max(0.0, self.scale * (tail - start) * (1.0 - ROUNDING))

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return np.asarray(-self.scale * normal_quantile((1.0 - uniforms(u, 1)) / 2.0))

    def one_sided(self) -> FoldedNormalLaw:
        return self


def multiplied(goal: Floats, log_ratio: Floats, tv: float) -> Floats:
    """Margin at the centre when a shift multiplies the probability of failing votes.

    Args:
        goal: Margins (...,) that must remain after the shift.
        log_ratio: Logarithms (...,) of the largest factor.
        tv: Total variation between float noise and real noise.

    Returns:
        Margins (...,), rounded up.
    """
    failing = failure_of_margin(goal) * np.exp(-log_ratio) * (1.0 - ROUNDING)
    return raise_margin(margin_of_failure(failing), tv)


def multiplied_radius(p_lower: float, scale: float) -> float:
    """The radius -scale ln(2 - 2 p_lower), rounded down.

    Args:
        p_lower: Lower confidence bound on the probability of the class, in [0, 1).
        scale: Size of the noise, in the unit of the parameter.

    Returns:
        The radius in that unit; 0 if p_lower <= 1/2.

    Raises:
        ConfigurationError: p_lower is outside [0, 1).
    """
    require_lower_bound(p_lower)
    # log1p(1 - 2p) is ln(2 - 2p) without cancellation near p = 1/2.
    lead = max(0.0, 2.0 * round_p_down(p_lower) - 1.0)
    return float(-scale * np.log1p(-lead)) * (1.0 - ROUNDING)

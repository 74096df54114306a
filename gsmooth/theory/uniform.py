"""The uniform law: what a shift moves out of the support is all that can be lost (T3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.theory.arguments import require_finite, require_lower_bound
from gsmooth.theory.law import Law, displacement, goal_margin, required_p_at, uniforms
from gsmooth.theory.normal import ROUNDING, Floats, raise_margin
from gsmooth.theory.radii import round_p_down


@final
@dataclass(frozen=True)
class UniformLaw(Law):
    """Uniform noise on [-half_width, half_width]: radius 2 half_width (p - 1/2) (T3).

    T3: a shift g moves |g| / (2 half_width) of the mass out of the support, and no more votes than
    that can change. A residual raises the target (T5, Jensen). Source: Li et al. (2021).

    Proof for ``non_negative``, where the radius is the same for shifts of either sign. For g >= 0
    the attacked point's votes are those of T_b z for b in [g, 2 half_width + g]. For g < 0 the
    centre lies ahead, z = T_|g| z' + e. With q(b) the probability at T_b z' and h(q) =
    Phi(Phi^-1(q) - ||e|| / sigma), Jensen gives E q(b + |g|) >= h(p), of which |g| / (2 half_width)
    is lost. So p > h^-1(1/2 + lost) suffices, and this is at most h^-1(1/2) + lost, since h^-1 has
    slopes below 1 above 1/2.

    Args:
        half_width: Half of the support's width, in the unit of the parameter, > 0.
        sigma: Standard deviation of the noise on z; 0 allows no residual.
        non_negative: Whether theta ~ U[0, 2 half_width] instead, for actions without an inverse.

    Raises:
        ConfigurationError: half_width is not positive, or sigma is negative.

    Example:
        >>> round(UniformLaw(half_width=20.0).radius(0.75), 6)
        10.0
    """

    half_width: float
    sigma: float = 0.0
    non_negative: bool = False
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        require_finite("half_width", self.half_width, positive=True)
        require_finite("sigma", self.sigma, positive=False)

    @property
    def dimensions(self) -> int:
        return 1

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        lost = np.abs(displacement(shift, 1)[..., 0]) / (2.0 * self.half_width)
        return raise_margin(raise_margin(goal_margin(self.sigma, residual, rho0, tv), lost), tv)

    def radius(self, p_lower: float) -> float:
        require_lower_bound(p_lower)
        lead = max(0.0, round_p_down(p_lower) - 0.5)
        return 2.0 * self.half_width * lead * (1.0 - ROUNDING)

    def required_p_for_radius(self, radius: float) -> float:
        return required_p_at(self, radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        centred = 0.0 if self.non_negative else 1.0
        return np.asarray(self.half_width * (2.0 * uniforms(u, 1) - centred))

    def one_sided(self) -> UniformLaw:
        return replace(self, non_negative=True)

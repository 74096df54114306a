"""The uniform law: what a shift moves out of the support is all that can be lost (T3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.theory.arguments import require_finite, require_lower_bound
from gsmooth.theory.law import Law, displacement, goal_margin, share_at, uniforms
from gsmooth.theory.normal import ROUNDING, Floats, raise_margin
from gsmooth.theory.radii import round_share_down


@final
@dataclass(frozen=True)
class UniformLaw(Law):
    """theta ~ U[-half_width, half_width]; radius 2 half_width (p - 1/2).

    A shift g moves |g| / (2 half_width) of the mass out of the support, and no more than that can
    change. Source: Li et al. (2021), T3; with a residual, Jensen as in T5.

    non_negative: theta ~ U[0, 2 half_width] instead, for semigroups. The radius is the same, for
    shifts of either sign: where g >= 0 the attacked point's votes are those of T_b z for b in
    [g, 2 half_width + g]; where g < 0 it is the centre that lies ahead, z = T_|g| z' + e, and with
    q(b) the share at T_b z' and h(q) = Phi(Phi^-1(q) - ||e|| / sigma), Jensen gives E q(b + |g|) >=
    h(p), of which |g| / (2 half_width) is lost: p > h^-1(1/2 + lost) suffices, and is at most
    h^-1(1/2) + lost, since h^-1 has slopes below 1 above 1/2.
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
        lead = max(0.0, round_share_down(p_lower) - 0.5)
        return 2.0 * self.half_width * lead * (1.0 - ROUNDING)

    def share_for_radius(self, radius: float) -> float:
        return share_at(self, radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        centred = 0.0 if self.non_negative else 1.0
        return np.asarray(self.half_width * (2.0 * uniforms(u, 1) - centred))

    def one_sided(self) -> UniformLaw:
        return replace(self, non_negative=True)

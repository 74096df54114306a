"""Smoothing laws of theta, each with the radius that is proved for it (T3-T5).

Every law composes with l2 noise of std ``sigma`` on z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.spelling import did_you_mean
from gsmooth.theory.arguments import distances, require_finite
from gsmooth.theory.forward import (
    ExponentialLaw,
    FoldedNormalLaw,
    multiplied,
    multiplied_radius,
)
from gsmooth.theory.law import (
    Law,
    OneScaleLaw,
    displacement,
    goal_margin,
    in_units,
    mahalanobis,
    require_noiseless,
    uniforms,
    zeros_of,
)
from gsmooth.theory.normal import Floats, normal_quantile
from gsmooth.theory.product import ALONG, ProductLaw
from gsmooth.theory.radii import (
    gaussian_radius,
    gaussian_share,
    general_margin,
)
from gsmooth.theory.uniform import UniformLaw

__all__ = [
    "ExponentialLaw",
    "FoldedNormalLaw",
    "GaussianLaw",
    "LaplaceLaw",
    "Law",
    "ProductLaw",
    "UniformLaw",
    "law_from_name",
]


@final
@dataclass(frozen=True)
class GaussianLaw(Law):
    """theta ~ N(0, diag(scales^2)), delta ~ N(0, sigma^2 I).

    orthogonal: every T_theta is an orthogonal map or an affine isometry, so that a residual is the
    same for every theta (T4); otherwise whoever asks bounds it for all of them (T5). The margin is
    the same function of either. A zero scale allows no shift in its direction, unless the axis is
    ``resting``: T ignores that parameter, T_(theta + shift) = T_theta for every shift along the
    axis, and the theorem is that of the other parameters. ``scales=()`` is plain additive noise
    (T1); the radius is then l2 in the unit of sigma, and with several scales it is Mahalanobis.
    """

    scales: tuple[float, ...]
    sigma: float
    orthogonal: bool = True
    resting: tuple[int, ...] = ()
    name: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        require_noiseless(self.resting, self.scales)
        for scale in self.scales:
            require_finite("scale", scale, positive=False)
        require_finite("sigma", self.sigma, positive=False)
        if self.sigma == 0.0 and not any(self.scales):
            raise ConfigurationError(
                f"scales={self.scales}, sigma=0: expected noise somewhere; set sigma or a scale"
            )

    @property
    def dimensions(self) -> int:
        return len(self.scales)

    @property
    def noiseless(self) -> tuple[int, ...]:
        return zeros_of(self.scales)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """sqrt(sum (shift/scales)^2 + (residual/sigma)^2) + Phi^-1(1/2 + rho0).

        With rho0 = 0 this is the margin of T4 (orthogonal action); in general it is that of T5
        (any action, ``residual`` bounds the error for every theta but for probability rho0).
        """
        distance = mahalanobis(displacement(shift, self.dimensions), self.scales, self.resting)
        noise_units = in_units(distances("residual", residual), self.sigma)
        return general_margin(distance, noise_units, rho0, tv)

    def radius(self, p_lower: float) -> float:
        """T2: an exactly composing transformation keeps its class where |shift| < radius.

        The length of a shift is sqrt(sum (shift/scales)^2) with several parameters; without
        parameters this is the l2 radius of additive noise (T1).
        """
        return gaussian_radius(p_lower, self._unit)

    def share_for_radius(self, radius: float) -> float:
        return gaussian_share(radius, self._unit)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return np.asarray(normal_quantile(uniforms(u, self.dimensions)) * np.array(self.scales))

    @property
    def _unit(self) -> float:
        if self.dimensions == 0:
            return self.sigma
        return self.scales[0] if self.dimensions == 1 else 1.0


@final
@dataclass(frozen=True)
class LaplaceLaw(OneScaleLaw):
    """theta ~ Laplace(scale) in one dimension; radius -scale ln(2 - 2p).

    As for the exponential law the density ratio is at most exp(|g|/scale), reached on a half-line
    that holds the failing votes whenever the target share is >= 1/2, as here.
    Source: Li et al. (2021) and Teng et al. (2020), T3; with a residual, Jensen as in T5.
    """

    name: ClassVar[str] = "laplace"

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = np.abs(displacement(shift, 1)[..., 0])
        return multiplied(goal_margin(self.sigma, residual, rho0, tv), moved / self.scale, tv)

    def radius(self, p_lower: float) -> float:
        return multiplied_radius(p_lower, self.scale)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        uniform = uniforms(u, 1)
        tail = np.log(2.0 * np.minimum(uniform, 1.0 - uniform))
        return np.asarray(np.where(uniform < 0.5, tail, -tail) * self.scale)


_ONE_PARAMETER: Final[Mapping[str, Callable[[float, float], Law]]] = {
    law.name: law for law in (ExponentialLaw, FoldedNormalLaw, LaplaceLaw, UniformLaw)
}
LAW_NAMES: Final = (GaussianLaw.name, *_ONE_PARAMETER)
"""What ``law_from_name`` knows, the Gaussian law first."""


def law_from_name(
    name: str,
    scales: Sequence[float],
    sigma: float,
    orthogonal: bool = True,
    *,
    one_sided: Sequence[int] = (),
) -> Law:
    """The law called ``name``, of one scale a parameter.

    Several parameters are normal, but for the only one at the axes ``one_sided``, where there is
    one and ``name`` is a law for it. One-parameter laws ignore ``orthogonal``.
    """
    if name == GaussianLaw.name:
        return GaussianLaw(tuple(scales), sigma, orthogonal)
    if name not in LAW_NAMES:
        known, hint = ", ".join(sorted(LAW_NAMES)), did_you_mean(name, LAW_NAMES)
        raise ConfigurationError(f"law={name!r}: expected one of {known}{hint}")
    if len(scales) > 1 and len(one_sided) == 1 and name in ALONG:
        return ProductLaw(name, tuple(scales), one_sided[0], sigma)
    if len(scales) != 1:
        beside = f" (or one that admits no negative value, of {', '.join(sorted(ALONG))})"
        raise ConfigurationError(
            f"law={name!r} with {len(scales)} scales: expected exactly one parameter{beside}; "
            "use 'gaussian' for none or several"
        )
    return _ONE_PARAMETER[name](scales[0], sigma)

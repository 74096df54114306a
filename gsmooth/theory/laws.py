"""Noise laws of theta, each with the radius that is proved for it (T3, T4, T5, T7, T8).

T3: laws other than the Gaussian. T4 and T5: Gaussian noise on theta together with l2 noise of
standard deviation ``sigma`` on z. T7: uniform noise on a compact group. T8: whole steps in a box.
Every law combines with that noise on z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.text.spelling import did_you_mean
from gsmooth.theory.arguments import distances, require_finite
from gsmooth.theory.forward import (
    ExponentialLaw,
    FoldedNormalLaw,
    multiplied,
    multiplied_radius,
)
from gsmooth.theory.grid_uniform import GridUniformLaw
from gsmooth.theory.haar import HaarLaw
from gsmooth.theory.law import (
    Law,
    OneScaleLaw,
    displacement,
    goal_margin,
    in_units,
    mahalanobis,
    require_no_parameter_noise,
    uniforms,
    zeros_of,
)
from gsmooth.theory.normal import Floats, normal_quantile
from gsmooth.theory.product import ALONG, ProductLaw
from gsmooth.theory.radii import (
    gaussian_radius,
    gaussian_required_p,
    general_margin,
)
from gsmooth.theory.uniform import UniformLaw

__all__ = [
    "ExponentialLaw",
    "FoldedNormalLaw",
    "GaussianLaw",
    "GridUniformLaw",
    "HaarLaw",
    "LaplaceLaw",
    "Law",
    "ProductLaw",
    "UniformLaw",
    "law_from_name",
]


@final
@dataclass(frozen=True)
class GaussianLaw(Law):
    """Gaussian noise theta ~ N(0, diag(scales^2)), independent of delta ~ N(0, sigma^2 I) (T4, T5).

    T4: if every T_theta is orthogonal (or an affine isometry), shift and residual add like the
    sides of a right angle. T5: for other actions the same margin holds, if the residual is a bound
    for every theta that noise can give. A scale of 0 allows no shift along its axis, unless the
    axis is ``unsmoothed``: T ignores that parameter, T_(theta + shift) = T_theta, and the theorem
    is that of the other parameters.

    Args:
        scales: Standard deviation of every parameter, in its unit; () is additive noise alone (T1:
            the class is constant within sigma Phi^-1(p)).
        sigma: Standard deviation of the noise on z, in the units of the image; 0 allows no
            residual.
        orthogonal: Whether every T_theta is orthogonal or an affine isometry.
        unsmoothed: Axes of scale 0 that the action ignores.

    Raises:
        ConfigurationError: There is no noise at all, a number is negative or not finite, or an
            unsmoothed axis carries noise.

    Example:
        >>> noise = GaussianLaw(scales=(10.0,), sigma=0.25)
        >>> round(noise.radius(0.99), 2)
        23.26
        >>> round(float(noise.margin(shift=[15.0], residual=0.5)), 6)
        2.5
    """

    scales: tuple[float, ...]
    sigma: float
    orthogonal: bool = True
    unsmoothed: tuple[int, ...] = ()
    name: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        require_no_parameter_noise(self.unsmoothed, self.scales)
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
    def bounds_every_class(self) -> bool:
        return self.orthogonal or not self.scales

    @property
    def without_parameter_noise(self) -> tuple[int, ...]:
        return zeros_of(self.scales)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Margin of a shift and a residual (T4, T5).

        It is sqrt(sum (shift/scales)^2 + (residual/sigma)^2) + Phi^-1(1/2 + rho0). With rho0 = 0
        this is the margin of T4 (orthogonal action). In general it is that of T5 (any action,
        ``residual`` bounds the error for every theta outside an event of probability rho0).

        Args:
            shift: Displacements (..., m) in the units of the parameters.
            residual: l2 norms (...,) in z-space, at least 0.
            rho0: Probability that ``residual`` fails.
            tv: Total variation between float noise and real noise.

        Returns:
            Margins (...,), rounded up; inf where no probability suffices.

        Raises:
            ConfigurationError: The last axis has another length, a value is NaN or a residual is
                negative.
        """
        distance = mahalanobis(displacement(shift, self.dimensions), self.scales, self.unsmoothed)
        noise_units = in_units(distances("residual", residual), self.sigma)
        return general_margin(distance, noise_units, rho0, tv)

    def radius(self, p_lower: float) -> float:
        """Certified radius at residual 0 (T1, T2).

        T2: a transformation that composes exactly keeps its class where the shift is shorter. T1 is
        the case of additive noise, without parameters.

        Args:
            p_lower: Lower confidence bound on the probability of the class, in [0, 1).

        Returns:
            The radius, rounded down: in the unit of the parameter if there is one, in the unit of
            sigma if there is none, and in standard deviations, sqrt(sum (shift/scales)^2), if there
            are several.
        """
        return gaussian_radius(p_lower, self._unit)

    def required_p_for_radius(self, radius: float) -> float:
        return gaussian_required_p(radius, self._unit)

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
    """Laplace noise on one parameter: radius -scale ln(2 - 2 p) (T3).

    T3: after a shift g the density ratio is at most exp(|g| / scale), which is attained on a
    half-line that contains the failing votes whenever the target is >= 1/2, as here. A residual
    raises the target (T5, Jensen). Source: Li et al. (2021) and Teng et al. (2020).

    Args:
        scale: Scale b of the Laplace law, in the unit of the parameter, > 0.
        sigma: Standard deviation of the noise on z; 0 allows no residual.

    Example:
        >>> round(LaplaceLaw(scale=10.0).radius(0.99), 2)
        39.12
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
LAW_NAMES: Final = (GaussianLaw.name, *_ONE_PARAMETER, HaarLaw.name, GridUniformLaw.name)
"""Names that ``law_from_name`` accepts, the Gaussian law first."""


def law_from_name(
    name: str,
    scales: Sequence[float],
    sigma: float,
    orthogonal: bool = True,
    *,
    one_sided: Sequence[int] = (),
) -> Law:
    """The noise law with a name.

    Several parameters are Gaussian, or all of them Haar, or all of them grid-uniform. If one of
    them admits no negative values and ``name`` is a law for it, that one has this law and the
    others are Gaussian.

    Args:
        name: One of LAW_NAMES.
        scales: Size of the noise, one for each parameter, in its unit. "haar": their periods, or 0
            where they are not known yet.
        sigma: Standard deviation of the noise on z.
        orthogonal: Whether every T_theta is orthogonal; ignored by laws of one parameter.
        one_sided: Axes of parameters that admit no negative values.

    Returns:
        The law.

    Raises:
        ConfigurationError: The name is unknown, or does not fit the number of parameters.

    Example:
        >>> law_from_name("laplace", [10.0], sigma=0.25)
        LaplaceLaw(scale=10.0, sigma=0.25)
    """
    if name == GaussianLaw.name:
        return GaussianLaw(tuple(scales), sigma, orthogonal)
    if name == HaarLaw.name:
        return HaarLaw(tuple(range(len(scales))), tuple(scales), sigma, orthogonal)
    if name == GridUniformLaw.name:
        return GridUniformLaw(tuple(scales), tuple(range(len(scales))), sigma)
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

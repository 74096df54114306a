"""The Haar law: uniform noise on a compact group, under which its parameters cost nothing (T7).

T7: let a group G act on z by linear isometries T_gamma, beta ~ Haar (uniform) on G, delta ~ N(0,
sigma^2 I). Then all class probabilities at T_gamma z are those at z, and a class of probability p
at z_c has at least Phi(Phi^-1(p) - ||e|| / sigma) at T_gamma (z_c + e).

*Proof.* T_beta T_gamma = T_(beta gamma), and beta gamma has the law of beta, so gamma = id may be
assumed. Given beta, the vote at z_c + e is a Gaussian one, moved by T_beta e, and ||T_beta e|| =
||e||. So it keeps at least h(q(beta)), q(beta) the probability given beta and h(q) = Phi(Phi^-1(q)
- ||e|| / sigma) (T1). h is convex (T5), and by Jensen E h(q(beta)) >= h(p).

*Beside Gaussian parameters* whose actions S_b commute with every T_gamma: T_beta S_b T_gamma S_s
(z_c + e) = T_(beta gamma) S_(b + s) (z_c + e), and gamma = id again. Given beta, T4 (or T5, where S
is no isometry) bounds the vote by a convex function of q(beta) that depends on s and the residual
only: hypot(||s||, ||e|| / sigma) in T4. By Jensen the same bound holds of p. So the margin is that
of the Gaussian law without the axes of G.

*Floating point.* The sampled values are (k + 1/2) h, h = period / 2^52, 0 <= k < 2^52: a coset of a
finite group, for which T7 holds exactly. A gamma off the grid of that group leaves T_r with |r| <=
h / 2, which is accounted for as an error of theta (``gsmooth.sampling.noise.accuracy``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import distances, require_finite
from gsmooth.theory.law import (
    Law,
    displacement,
    in_units,
    mahalanobis,
    require_no_parameter_noise,
    uniforms,
)
from gsmooth.theory.normal import Floats, normal_quantile
from gsmooth.theory.radii import gaussian_radius, gaussian_required_p, general_margin


@final
@dataclass(frozen=True)
class HaarLaw(Law):
    """Haar noise on periodic parameters, beside Gaussian noise on all others (T7, T4, T5).

    A shift along a Haar axis costs nothing. The margin of all other shifts and of the residual is
    that of the Gaussian law.

    Args:
        axes: The periodic parameters, ascending; at least one.
        scales: Standard deviation of every Gaussian parameter, and the period of every Haar one, in
            its unit. A period of 0 is not known yet: such a law has margins, but no samples.
        sigma: Standard deviation of the noise on z, > 0.
        orthogonal: Whether every T_theta, Gaussian parameters included, is an isometry. Those of
            the Haar parameters must be.
        unsmoothed: Gaussian axes of scale 0 that the action ignores, as in ``GaussianLaw``.
        steps: Step of every Haar parameter that has whole multiples of it only (mirror images,
            quarter turns), else 0; () where there is none.

    Raises:
        ConfigurationError: There is no Haar axis, an axis does not exist, a number is negative or
            not finite, or a period is no multiple of its step.

    Example:
        >>> noise = HaarLaw(axes=(0,), scales=(360.0, 0.1), sigma=0.25)
        >>> round(float(noise.margin(shift=[170.0, 0.3], residual=1.0)), 6)
        5.0
    """

    axes: tuple[int, ...]
    scales: tuple[float, ...]
    sigma: float
    orthogonal: bool = True
    unsmoothed: tuple[int, ...] = ()
    steps: tuple[float, ...] = ()
    name: ClassVar[str] = "haar"

    def __post_init__(self) -> None:
        _require_axes(self.axes, len(self.scales))
        for scale in self.scales:
            require_finite("scale", scale, positive=False)
        require_finite("sigma", self.sigma, positive=True)
        gaussian = tuple(
            1.0 if axis in self.axes else scale for axis, scale in enumerate(self.scales)
        )
        require_no_parameter_noise(self.unsmoothed, gaussian)
        _require_steps(self.axes, self.scales, self.steps)

    @property
    def dimensions(self) -> int:
        return len(self.scales)

    @property
    def without_parameter_noise(self) -> tuple[int, ...]:
        return tuple(
            axis for axis, scale in enumerate(self.scales) if scale == 0.0 and axis not in self.axes
        )

    @property
    def reach(self) -> tuple[float, ...]:
        """The period along Haar axes; Gaussian ones have no bound."""
        return tuple(
            scale if axis in self.axes or scale == 0.0 else math.inf
            for axis, scale in enumerate(self.scales)
        )

    @property
    def bounds_every_class(self) -> bool:
        """Of isometries: T7 holds of the complement of every class (S9)."""
        return self.orthogonal

    @property
    def periodic(self) -> tuple[int, ...]:
        """The Haar axes."""
        return self.axes

    @property
    def free_axes(self) -> tuple[int, ...]:
        """The Haar axes, and those that the action ignores."""
        return tuple(sorted({*self.axes, *self.unsmoothed}))

    def with_periods(self, periods: tuple[float, ...], steps: tuple[float, ...]) -> HaarLaw:
        """The same law with the periods and steps of its Haar parameters.

        Args:
            periods: One for every parameter, in its unit; those of Gaussian ones are not read.
            steps: One for every parameter, 0 without steps; those of Gaussian ones are not read.
        """
        scales = list(self.scales)
        for axis in self.axes:
            scales[axis] = periods[axis]
        haar = tuple(step if axis in self.axes else 0.0 for axis, step in enumerate(steps))
        return replace(self, scales=tuple(scales), steps=haar if any(haar) else ())

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Margin of a shift and a residual: that of the Gaussian axes alone (T7; T4, T5).

        It is sqrt(sum (shift/scales)^2 + (residual/sigma)^2) + Phi^-1(1/2 + rho0), with the sum
        over the Gaussian axes. T7: along the others no probability changes.

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
        moved = displacement(shift, self.dimensions)
        distance = mahalanobis(moved, self.scales, self.free_axes)
        noise_units = in_units(distances("residual", residual), self.sigma)
        return general_margin(distance, noise_units, rho0, tv)

    def radius(self, p_lower: float) -> float:
        """Certified radius on top of every value of the Haar parameters (T7).

        T7: the residual e may have any norm below it, wherever on its orbit the point lies.

        Args:
            p_lower: Lower confidence bound on the probability of the class, in [0, 1).

        Returns:
            The radius, rounded down: the l2 norm of the residual where there is one parameter, and
            in standard deviations, sqrt(sum (shift/scales)^2 + (residual/sigma)^2), beside others.
        """
        return gaussian_radius(p_lower, self._unit)

    def required_p_for_radius(self, radius: float) -> float:
        return gaussian_required_p(radius, self._unit)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        """Parameters from uniform numbers: u times the period on Haar axes.

        Numbers u = (k + 1/2) / 2^52 give a coset of a finite group. A parameter with a step takes
        its multiples below the period.

        Args:
            u: Uniform numbers (n, m) in (0, 1), both ends excluded.

        Returns:
            theta (n, m) in the units of the parameters.

        Raises:
            ConfigurationError: A period is not known yet.
        """
        uniform = uniforms(u, self.dimensions)
        theta = np.asarray(normal_quantile(uniform) * np.array(self.scales))
        for axis in self.axes:
            period, step = self.scales[axis], self.steps[axis] if self.steps else 0.0
            if period == 0.0:
                raise ConfigurationError(
                    f"the period of axis {axis} is not known; it is that of a transformation for"
                    " images of one shape (fitted_noise fills it in)"
                )
            theta[:, axis] = (
                np.floor(uniform[:, axis] * round(period / step)) * step
                if step
                else uniform[:, axis] * period
            )
        return theta

    @property
    def _unit(self) -> float:
        return self.sigma if self.dimensions == 1 else 1.0


def _require_axes(axes: tuple[int, ...], dimensions: int) -> None:
    """ConfigurationError unless these are some of the axes, each once, ascending."""
    inside = all(0 <= axis < dimensions for axis in axes)
    if not axes or not inside or list(axes) != sorted(set(axes)):
        raise ConfigurationError(
            f"axes={axes}: expected at least one of the {dimensions} axes, each once, ascending"
        )


def _require_steps(
    axes: tuple[int, ...], scales: tuple[float, ...], steps: tuple[float, ...]
) -> None:
    """ConfigurationError unless every period is a whole multiple of its step."""
    if not steps:
        return
    if len(steps) != len(scales):
        raise ConfigurationError(f"steps={steps}: expected one for each of {len(scales)} axes")
    for axis, step in enumerate(steps):
        require_finite("step", step, positive=False)
        if step and (axis not in axes or scales[axis] != round(scales[axis] / step) * step):
            raise ConfigurationError(
                f"steps={steps} with periods {scales}: axis {axis} has a step, so its period has to"
                " be a whole multiple of it"
            )

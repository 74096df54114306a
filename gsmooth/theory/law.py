"""What a noise law is: a distribution of theta together with its proved radius.

A law without a proved radius cannot be built: :class:`Law` is abstract in what a proof provides.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import distances, require_finite
from gsmooth.theory.normal import Floats, required_p_of_margin
from gsmooth.theory.radii import target_margin


class Law(ABC):
    """Distribution of theta together with its theorem.

    In all methods ``shift`` is (..., m), the displacement gamma in the units of the parameters,
    with m = ``dimensions`` (0 without noise on theta). ``residual`` is (...,), the l2 norm of e in
    z-space. ``rho0`` is the probability that ``residual`` fails, and ``tv`` the total variation
    between float noise and real noise, which is paid at the centre and at the attacked point (F1).
    Results are (...,).
    """

    sigma: float

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in configurations and records; a class attribute where it is the same for all."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Number m of noisy parameters."""

    @property
    def forward_axes(self) -> tuple[int, ...]:
        """Axes along which only shifts >= 0 can be certified.

        A centre is then the lower end of its piece along the axis.
        """
        return ()

    @property
    def without_parameter_noise(self) -> tuple[int, ...]:
        """The axes whose theta is always 0."""
        return ()

    @property
    def unsmoothed(self) -> tuple[int, ...]:
        """The axes among them that the action ignores, so that a shift along them costs nothing."""
        return ()

    @property
    def whole_axes(self) -> tuple[int, ...]:
        """The axes along which theta and every certified shift are whole numbers."""
        return ()

    @property
    def reach(self) -> tuple[float, ...]:
        """The largest |theta| that can be drawn along every axis (m,); inf where there is none.

        T8: a residual costs nothing in what no vote of a bounded law can read.
        """
        return (math.inf,) * self.dimensions

    @property
    def periodic(self) -> tuple[int, ...]:
        """The axes whose noise is uniform on a circle or another compact group (T7)."""
        return ()

    @property
    def free_axes(self) -> tuple[int, ...]:
        """The axes along which a shift costs nothing: ``unsmoothed`` and ``periodic``.

        What it does to an image is residual.
        """
        return self.unsmoothed

    @property
    def bounds_every_class(self) -> bool:
        """Whether every class's Phi^-1(p) changes by at most a margin (T1, T4, T7), as S9 asks."""
        return False

    @abstractmethod
    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Phi^-1 of the probability that the class needs at the centre.

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

    @abstractmethod
    def radius(self, p_lower: float) -> float:
        """Certified radius (strict) at residual 0.

        Args:
            p_lower: Lower confidence bound on the probability of the class, in [0, 1).

        Returns:
            The radius, rounded down, in the unit of the parameter if ``dimensions`` is 1; 0 if
            p_lower <= 1/2.
        """

    @abstractmethod
    def required_p_for_radius(self, radius: float) -> float:
        """Least probability whose radius exceeds ``radius``: the inverse of :meth:`radius`.

        Args:
            radius: Radius, at least 0.

        Returns:
            Required probability, rounded up.
        """

    @abstractmethod
    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        """Parameters from uniform numbers, by the inverse distribution function.

        Args:
            u: Uniform numbers (n, m) in (0, 1), both ends excluded.

        Returns:
            theta (n, m) in the units of the parameters.
        """

    def one_sided(self) -> Law | None:
        """The same law where only theta >= 0 can be drawn, for actions without an inverse.

        Its margins hold for z' = T_shift z + e where shift >= 0, and where the margin of a shift <
        0 is finite, for z = T_(-shift) z' + e.

        Returns:
            The law; None if there is none.
        """
        return None

    @final
    def required_p(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Least probability at the centre such that the class is kept for every larger one.

        Args:
            shift: Displacements (..., m) in the units of the parameters.
            residual: l2 norms (...,) in z-space, at least 0.
            rho0: Probability that ``residual`` fails.
            tv: Total variation between float noise and real noise.

        Returns:
            Required probabilities (...,), rounded up; 1.0 where no probability suffices.
        """
        return required_p_of_margin(self.margin(shift, residual, rho0=rho0, tv=tv))


@dataclass(frozen=True)
class OneScaleLaw(Law):
    """A law of one parameter with one size.

    Args:
        scale: Size of the noise in the unit of the parameter, > 0.
        sigma: Standard deviation of the noise on z; 0 allows no residual.

    Raises:
        ConfigurationError: scale is not positive, or sigma is negative.
    """

    scale: float
    sigma: float = 0.0

    def __post_init__(self) -> None:
        require_finite("scale", self.scale, positive=True)
        require_finite("sigma", self.sigma, positive=False)

    @property
    def dimensions(self) -> int:
        return 1

    def required_p_for_radius(self, radius: float) -> float:
        return required_p_at(self, radius)


def displacement(shift: ArrayLike, dimensions: int) -> Floats:
    """Convert shifts to float64 and check them.

    Args:
        shift: Displacements (..., dimensions) in the units of the parameters.
        dimensions: Number of parameters.

    Returns:
        The shifts as float64.

    Raises:
        ConfigurationError: The last axis has another length, or a value is NaN.
    """
    array = np.asarray(shift, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != dimensions:
        raise ConfigurationError(
            f"shift of shape {array.shape}: expected (..., {dimensions}), one entry per parameter"
        )
    if np.isnan(array).any():
        raise ConfigurationError("shift holds NaN: expected parameter displacements")
    return array


def goal_margin(sigma: float, residual: ArrayLike, rho0: float, tv: float) -> Floats:
    """Margin that the votes must keep after the shift of theta, for any noise law (T5, Jensen).

    T5: a residual E and its failing probability rho0 raise the probability that must remain after
    the shift from 1/2 to Phi(E / sigma) + rho0.

    Args:
        sigma: Standard deviation of the noise on z.
        residual: l2 norms (...,) in z-space.
        rho0: Probability that ``residual`` fails.
        tv: Total variation between float noise and real noise.

    Returns:
        Margins (...,), rounded up.
    """
    return target_margin(in_units(distances("residual", residual), sigma), rho0, tv)


def required_p_at(law: Law, radius: float) -> float:
    """The probability that a one-parameter law requires at a shift without a residual.

    Args:
        law: The law.
        radius: Shift in the unit of the parameter, at least 0.

    Returns:
        Required probability, rounded up.

    Raises:
        ConfigurationError: radius is negative or not finite.
    """
    require_finite("radius", radius, positive=False)
    return float(law.required_p([radius]))


def in_units(distance: Floats, unit: Floats | float) -> Floats:
    """Distances divided by a unit, with 0/0 = 0: without noise only a distance of 0 costs nothing.

    Args:
        distance: Distances (...,).
        unit: Standard deviations that broadcast with them.

    Returns:
        The quotients; inf where a positive distance is divided by 0.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = distance / unit
    return np.asarray(np.where(distance == 0.0, 0.0, ratio))


def mahalanobis(shift: Floats, scales: tuple[float, ...], free: tuple[int, ...]) -> Floats:
    """Length of a shift in standard deviations: sqrt(sum (shift_i / scales_i)^2).

    Args:
        shift: Displacements (..., m).
        scales: Standard deviations, one for each of the m axes.
        free: Axes that are left out of the sum.

    Returns:
        Lengths (...,).
    """
    counted = [axis for axis in range(len(scales)) if axis not in free]
    stds = np.array([scales[axis] for axis in counted])
    return np.asarray(np.hypot.reduce(in_units(np.abs(shift[..., counted]), stds), axis=-1))


def zeros_of(scales: tuple[float, ...]) -> tuple[int, ...]:
    """The axes of scale 0."""
    return tuple(axis for axis, scale in enumerate(scales) if scale == 0.0)


def require_no_parameter_noise(unsmoothed: tuple[int, ...], scales: tuple[float, ...]) -> None:
    """Check that the action may ignore these axes.

    Args:
        unsmoothed: Axes that the action ignores.
        scales: Size of the noise on every axis.

    Raises:
        ConfigurationError: One of the axes carries noise or does not exist.
    """
    if strange := [axis for axis in unsmoothed if axis not in zeros_of(scales)]:
        raise ConfigurationError(
            f"unsmoothed={unsmoothed} with scales={scales}: axis {strange[0]} carries noise or does"
            " not exist; only a parameter of scale 0 can be ignored by the action"
        )


def uniforms(u: ArrayLike, dimensions: int) -> Floats:
    """Convert uniform numbers to float64 and check them.

    Args:
        u: Numbers (n, dimensions) in (0, 1), both ends excluded.
        dimensions: Number of parameters.

    Returns:
        The numbers as float64.

    Raises:
        ConfigurationError: The shape is another one, or a number is outside (0, 1).
    """
    array = np.asarray(u, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != dimensions:
        raise ConfigurationError(f"u of shape {array.shape}: expected (n, {dimensions})")
    if not np.all((array > 0.0) & (array < 1.0)):
        raise ConfigurationError("u outside (0, 1): expected uniforms that exclude both ends")
    return array

"""What a smoothing law is: a distribution of theta together with its proved radius.

A law without a proved radius cannot be built: :class:`Law` is abstract in exactly what a proof
provides.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import distances, require_finite
from gsmooth.theory.normal import Floats, share_of_margin
from gsmooth.theory.radii import target_margin


class Law(ABC):
    """Distribution of theta together with its theorem.

    ``shift`` is (..., m), the displacement gamma in parameter units (m = ``dimensions``, 0 without
    noise on theta); ``residual`` is (...,), the l2 norm of e in z-space. Results are (...,).
    ``rho0``: probability that ``residual`` fails; ``tv``: the float term tau of F1, paid twice.
    ConfigurationError on a wrong last axis, a NaN or a negative residual.

    """

    sigma: float

    @property
    @abstractmethod
    def name(self) -> str:
        """As in configurations and records; a class attribute where it is the same for all."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Number m of noisy parameters."""

    @property
    def forward_axes(self) -> tuple[int, ...]:
        """Axes along which only shifts >= 0 can be certified: a centre is its piece's lower end."""
        return ()

    @property
    def noiseless(self) -> tuple[int, ...]:
        """The axes whose theta is always 0."""
        return ()

    @property
    def resting(self) -> tuple[int, ...]:
        """Those among them that the action ignores, so that a shift along them costs nothing."""
        return ()

    @abstractmethod
    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Phi^-1 of the required share, rounded up; inf where no share suffices."""

    @abstractmethod
    def radius(self, p_lower: float) -> float:
        """Radius (strict) at residual 0, rounded down; 0 when p_lower <= 1/2.

        In the unit of the parameter when ``dimensions`` is 1.
        """

    @abstractmethod
    def share_for_radius(self, radius: float) -> float:
        """Least share above which the radius exceeds ``radius``; inverse of :meth:`radius`."""

    @abstractmethod
    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        """theta (n, m) in parameter units from u (n, m) in (0, 1), by the inverse CDF."""

    def one_sided(self) -> Law | None:
        """The same law where only theta >= 0 can be drawn (semigroups); None where there is none.

        Its margins hold for z' = T_shift z + e where shift >= 0, and where a shift < 0 is finite,
        for z = T_(-shift) z' + e.
        """
        return None

    @final
    def required_share(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        """Least vote share p at the centre such that the class is kept for every p strictly above.

        Rounded up; 1.0 where no share suffices.
        """
        return share_of_margin(self.margin(shift, residual, rho0=rho0, tv=tv))


@dataclass(frozen=True)
class OneScaleLaw(Law):
    """A law of one parameter with one ``scale`` > 0, in the parameter's unit."""

    scale: float
    sigma: float = 0.0

    def __post_init__(self) -> None:
        require_finite("scale", self.scale, positive=True)
        require_finite("sigma", self.sigma, positive=False)

    @property
    def dimensions(self) -> int:
        return 1

    def share_for_radius(self, radius: float) -> float:
        return share_at(self, radius)


def displacement(shift: ArrayLike, dimensions: int) -> Floats:
    """``shift`` as float64 of shape (..., dimensions); ConfigurationError otherwise or on NaN."""
    array = np.asarray(shift, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != dimensions:
        raise ConfigurationError(
            f"shift of shape {array.shape}: expected (..., {dimensions}), one entry per parameter"
        )
    if np.isnan(array).any():
        raise ConfigurationError("shift holds NaN: expected parameter displacements")
    return array


def goal_margin(sigma: float, residual: ArrayLike, rho0: float, tv: float) -> Floats:
    """Margin that the votes must keep after the shift of theta, whatever its law (T5, Jensen)."""
    return target_margin(in_units(distances("residual", residual), sigma), rho0, tv)


def share_at(law: Law, radius: float) -> float:
    """The share that a one-parameter law requires at shift ``radius`` >= 0 and no residual."""
    require_finite("radius", radius, positive=False)
    return float(law.required_share([radius]))


def in_units(distance: Floats, unit: Floats | float) -> Floats:
    """distance / unit, with 0/0 = 0: where there is no noise only a zero distance is free."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = distance / unit
    return np.asarray(np.where(distance == 0.0, 0.0, ratio))


def mahalanobis(shift: Floats, scales: tuple[float, ...], free: tuple[int, ...]) -> Floats:
    """sqrt(sum (shift_i / scales_i)^2) over the axes that are not ``free``: (..., m) -> (...,)."""
    counted = [axis for axis in range(len(scales)) if axis not in free]
    stds = np.array([scales[axis] for axis in counted])
    return np.asarray(np.hypot.reduce(in_units(np.abs(shift[..., counted]), stds), axis=-1))


def zeros_of(scales: tuple[float, ...]) -> tuple[int, ...]:
    """The axes of scale 0."""
    return tuple(axis for axis, scale in enumerate(scales) if scale == 0.0)


def require_noiseless(resting: tuple[int, ...], scales: tuple[float, ...]) -> None:
    """ConfigurationError unless every resting axis is one of the scales, and that scale is 0."""
    if strange := [axis for axis in resting if axis not in zeros_of(scales)]:
        raise ConfigurationError(
            f"resting={resting} with scales={scales}: axis {strange[0]} carries noise or is not"
            " there; only a parameter of scale 0 can be ignored by the action"
        )


def uniforms(u: ArrayLike, dimensions: int) -> Floats:
    """``u`` as float64 of shape (n, dimensions) in (0, 1); ConfigurationError otherwise."""
    array = np.asarray(u, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != dimensions:
        raise ConfigurationError(f"u of shape {array.shape}: expected (n, {dimensions})")
    if not np.all((array > 0.0) & (array < 1.0)):
        raise ConfigurationError("u outside (0, 1): expected uniforms that exclude both ends")
    return array

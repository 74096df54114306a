"""The grid-uniform law: whole steps in a box, so that what no vote reads costs nothing (T8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import (
    distances,
    require_finite,
    require_lower_bound,
    require_probability,
)
from gsmooth.theory.law import (
    Law,
    displacement,
    in_units,
    mahalanobis,
    require_no_parameter_noise,
    uniforms,
    zeros_of,
)
from gsmooth.theory.normal import (
    ROUNDING,
    Floats,
    failure_of_margin,
    margin_of_failure,
    normal_quantile,
    raise_margin,
    required_p_of_margin,
)
from gsmooth.theory.radii import round_p_down

MOST_STEPS: Final = 2**16
"""Most steps to one side: far below 2^52, the number of uniform numbers that steps come from."""


@final
@dataclass(frozen=True)
class GridUniformLaw(Law):
    """Whole steps, uniform on {-b, ..., b} along some axes, beside Gaussian parameters (T8).

    T8: after a shift gamma by whole steps the votes at both points have the fraction kept = prod (1
    - |gamma_i| / (2 b_i + 1)) of their steps in common, and the others may all be lost. The common
    ones keep their class as in T4 and T5, with t = hypot(Gaussian shifts in standard deviations,
    residual / sigma). So p > 1 - kept + kept Phi(Phi^-1(1 / (2 kept)) + t) suffices, and is
    attained. ``residual`` has to bound only the part of e that the common votes can read.

    A shift that is no whole number of steps has no vote in common with the centre, so it cannot be
    certified.

    Args:
        scales: Size of the noise on every parameter, in its unit: the number of steps b to either
            side (a whole number, at least 1) on ``axes``, where a step is 1 unit; the standard
            deviation of Gaussian noise on the others.
        axes: The parameters that move by whole steps; at least one.
        sigma: Standard deviation of the noise on z; 0 allows no residual.
        unsmoothed: Axes of scale 0 that the action ignores, as in ``GaussianLaw``.

    Raises:
        ConfigurationError: An axis does not exist, a number of steps is no whole number in 1 ..
            65536, or another size is out of range.

    Example:
        >>> noise = GridUniformLaw(scales=(4.0, 4.0), axes=(0, 1), sigma=0.25)
        >>> [round(float(noise.required_p([g, g])), 3) for g in (0.0, 1.0, 2.0)]
        [0.5, 0.71, 0.895]
        >>> round(float(noise.required_p([2.0, 2.0], residual=0.0625)), 3)
        0.929
    """

    scales: tuple[float, ...]
    axes: tuple[int, ...]
    sigma: float = 0.0
    unsmoothed: tuple[int, ...] = ()
    name: ClassVar[str] = "grid-uniform"

    def __post_init__(self) -> None:
        require_finite("sigma", self.sigma, positive=False)
        if not self.axes or any(not 0 <= axis < len(self.scales) for axis in self.axes):
            raise ConfigurationError(
                f"axes={self.axes} with {len(self.scales)} scales: expected the places of the"
                " parameters that move by whole steps"
            )
        for axis, scale in enumerate(self.scales):
            require_finite("scale", scale, positive=False)
            if axis in self.axes and not (scale == round(scale) and 1 <= scale <= MOST_STEPS):
                raise ConfigurationError(
                    f"steps={scale:g}: the grid-uniform law takes a whole number of steps to either"
                    f" side, from 1 to {MOST_STEPS}"
                )
        require_no_parameter_noise(self.unsmoothed, self.scales)

    @property
    def dimensions(self) -> int:
        return len(self.scales)

    @property
    def without_parameter_noise(self) -> tuple[int, ...]:
        return zeros_of(self.scales)

    @property
    def whole_axes(self) -> tuple[int, ...]:
        return self.axes

    @property
    def reach(self) -> tuple[float, ...]:
        return tuple(
            size if axis in self.axes or size == 0.0 else np.inf
            for axis, size in enumerate(self.scales)
        )

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = displacement(shift, self.dimensions)
        others = mahalanobis(moved, self.scales, (*self.axes, *self.unsmoothed))
        left = in_units(distances("residual", residual), self.sigma)
        steps = moved[..., list(self.axes)]
        kept = np.where((steps == np.rint(steps)).all(axis=-1), self._kept(steps), 0.0)
        return self._of(kept, np.hypot(others, left), rho0, tv)

    def radius(self, p_lower: float) -> float:
        """Certified radius (strict) at residual 0.

        All shifts by fewer steps than this along every one of ``axes``, and by fewer standard
        deviations along the others. It grows continuously with p_lower; shifts are whole steps.

        Args:
            p_lower: Lower confidence bound on the probability of the class, in [0, 1).

        Returns:
            The radius, rounded down; 0 if p_lower <= 1/2.
        """
        require_lower_bound(p_lower)
        enough, low, high = round_p_down(p_lower), 0.0, 2.0 * max(self.scales) + 1.0
        # The same bisection for every p_lower, so the radius grows with p_lower to the last bit.
        while low < (middle := (low + high) / 2.0) < high and high - low > low * 2.0**-50:
            low, high = (
                (middle, high) if self.required_p_for_radius(middle) < enough else (low, middle)
            )
            if high < ROUNDING:
                return 0.0
        return low

    def required_p_for_radius(self, radius: float) -> float:
        require_finite("radius", radius, positive=False)
        others = set(range(self.dimensions)) - {*self.axes, *self.without_parameter_noise}
        kept = self._kept(np.full(len(self.axes), radius))
        t = np.array(radius * np.sqrt(len(others)) * (1.0 + ROUNDING))
        return float(required_p_of_margin(self._of(kept, t)))

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        uniform = uniforms(u, self.dimensions)
        theta = np.asarray(normal_quantile(uniform) * np.array(self.scales))
        for axis in self.axes:
            steps = self.scales[axis]
            places = np.floor(uniform[:, axis] * (2.0 * steps + 1.0))
            theta[:, axis] = np.minimum(places, 2.0 * steps) - steps
        return theta

    def _kept(self, steps: Floats) -> Floats:
        """The fraction of votes that two points so many steps apart have in common; (..., axes)."""
        widths = 2.0 * np.array([self.scales[axis] for axis in self.axes]) + 1.0
        each = np.maximum(1.0 - np.abs(steps) / widths, 0.0)
        kept = np.prod(each, axis=-1)
        return np.asarray(np.where(kept < 1.0, kept * (1.0 - ROUNDING), 1.0))

    def _of(self, kept: Floats, t: Floats, rho0: float = 0.0, tv: float = 0.0) -> Floats:
        """The margin where the fraction ``kept`` is in common and all other shifts have length t.

        What has to remain is 1/2 + tv, and rho0 may fail; both may lie in the common part.
        """
        require_probability("rho0", rho0)
        require_probability("tv", tv)
        asked = (0.5 + tv + rho0) * (1.0 + ROUNDING) if tv or rho0 else 0.5
        with np.errstate(divide="ignore", invalid="ignore"):
            failing = np.where(kept > asked, (kept - asked) / kept, 0.0)
        # Exactly 0 where nothing is lost and nothing is paid.
        goal = np.where(failing == 0.5, 0.0, margin_of_failure(failing))
        after = (goal + t) * (1.0 + ROUNDING)
        lost = margin_of_failure(kept * failure_of_margin(after) - tv * (1.0 + ROUNDING))
        return np.asarray(np.where(kept == 1.0, raise_margin(after, tv), lost))

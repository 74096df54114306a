"""One parameter that admits no negative value beside Gaussian ones: a product of laws (T3, T5).

T3: noise laws other than the Gaussian, each with its proof. T5: Gaussian noise on parameters and
pixels together, for any action. Let theta_k >= 0 have a law of its own (exponential, folded normal
or uniform), and let the other parameters be Gaussian and independent of it: T_(G, k) = T_G T_k,
which commute. Take z' = T_gamma z_c + e with gamma_k >= 0 and let ||T_beta z' - T_(beta + gamma)
z_c|| <= E outside an event of probability rho0 (T_beta is an isometry, nonexpansive, or has a
Lipschitz constant of at most E / ||e||).

*Forwards.* Let q(b) be the probability at T_(0, b) z_c, over beta_G and delta alone. Given
beta_k the votes at z' are those of T5 around T_(0, beta_k + gamma_k) z_c, moved by gamma_G and E:
the class keeps h(q(beta_k + gamma_k)) of them, h(q) = Phi(Phi^-1(q) - t), t = hypot(||gamma_G||,
E / sigma), less what the event costs. h is convex, h' = phi(y - t) / phi(y) = exp(t y - t^2 / 2) at
y = Phi^-1(q) growing with q, so Jensen gives E h(q(beta_k + gamma_k)) >= h(E q(beta_k + gamma_k)),
and the law of theta_k bounds E q(beta_k + gamma_k) by its shift gamma_k and p = E q(beta_k). That
is the theorem of that law with a residual of t sigma in place of E.

*Backwards* (uniform, gamma_k = -g < 0) the centre lies ahead: T_(0, g) z' = T_(gamma_G, 0) z_c + e.
With q the probability at T_(0, b) z' the same T5 gives q(beta_k + g) >= h(probability at the centre
given beta_k), whose mean is at least h(p) by Jensen, and the uniform law goes on as it does alone.

Shifts of the Gaussian parameters and the residual add like the sides of a right angle; the law of
theta_k then combines that length with its own shift as it combines a residual. A right angle
between both would be false: an exponential law multiplies the probability of failing votes, which
is no motion of a Gaussian vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import distances, require_finite, require_lower_bound
from gsmooth.theory.forward import ExponentialLaw, FoldedNormalLaw
from gsmooth.theory.law import (
    Law,
    displacement,
    in_units,
    mahalanobis,
    require_no_parameter_noise,
    uniforms,
    zeros_of,
)
from gsmooth.theory.normal import ROUNDING, Floats, normal_quantile, required_p_of_margin
from gsmooth.theory.radii import round_p_down
from gsmooth.theory.uniform import UniformLaw

ALONG: Final[Mapping[str, Callable[[float], Law]]] = {
    ExponentialLaw.name: lambda scale: ExponentialLaw(scale, 1.0),
    FoldedNormalLaw.name: lambda scale: FoldedNormalLaw(scale, 1.0),
    UniformLaw.name: lambda scale: UniformLaw(scale, 1.0, non_negative=True),
}
"""The laws that one parameter can have, with residuals in units of the noise."""
FARTHEST: Final = 64.0
"""A radius, in standard deviations, that no probability reaches."""


@final
@dataclass(frozen=True)
class ProductLaw(Law):
    """One non-negative parameter beside Gaussian ones, all independent (T3, T5).

    The margin is that of the law called ``kind`` (T3), with the other shifts and the residual
    together as its residual (T5, Jensen). The radius is for all shifts of at most so many scales
    along ``axis`` *and* of at most so many standard deviations of the others: the margin grows with
    either.

    Args:
        kind: Law of the non-negative parameter: "exponential", "folded-normal" or "uniform".
        scales: Size of the noise on every parameter, in its unit: standard deviations, and the own
            word of ``kind`` for ``axis`` (mean, standard deviation, half of the width).
        axis: Which parameter is non-negative.
        sigma: Standard deviation of the noise on z, > 0.
        unsmoothed: Axes of scale 0 that the action ignores, as in ``GaussianLaw``.

    Raises:
        ConfigurationError: The kind is unknown, the axis does not exist, or a size is outside its
            range.

    Example:
        >>> noise = ProductLaw("exponential", scales=(4.0, 10.0), axis=0, sigma=0.25)
        >>> round(float(noise.margin([0.0, 10.0], residual=0.0)), 6)
        1.0
    """

    kind: str
    scales: tuple[float, ...]
    axis: int
    sigma: float
    unsmoothed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ALONG:
            raise ConfigurationError(
                f"law={self.kind!r} of one parameter beside others: expected one of"
                f" {', '.join(sorted(ALONG))}"
            )
        if not 0 <= self.axis < len(self.scales):
            raise ConfigurationError(f"axis={self.axis}: there are {len(self.scales)} scales")
        for axis, scale in enumerate(self.scales):
            require_finite("scale", scale, positive=axis == self.axis)
        require_finite("sigma", self.sigma, positive=True)
        require_no_parameter_noise(self.unsmoothed, self.scales)

    @property
    def name(self) -> str:
        """``kind``; the other parameters are Gaussian."""
        return self.kind

    @property
    def dimensions(self) -> int:
        return len(self.scales)

    @property
    def without_parameter_noise(self) -> tuple[int, ...]:
        return zeros_of(self.scales)

    @property
    def forward_axes(self) -> tuple[int, ...]:
        return (self.axis,) if self.along.forward_axes else ()

    @cached_property
    def along(self) -> Law:
        """The law of the non-negative parameter, with residuals in units of the other noise."""
        return ALONG[self.kind](self.scales[self.axis])

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        moved = displacement(shift, self.dimensions)
        others = mahalanobis(moved, self.scales, (self.axis, *self.unsmoothed))
        left = in_units(distances("residual", residual), self.sigma)
        return self._of(moved[..., self.axis], np.hypot(others, left), rho0, tv)

    def radius(self, p_lower: float) -> float:
        require_lower_bound(p_lower)
        enough, low, high = round_p_down(p_lower), 0.0, FARTHEST
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
        others = any(s > 0.0 for axis, s in enumerate(self.scales) if axis != self.axis)
        shift = np.array(radius * self.scales[self.axis])
        return float(required_p_of_margin(self._of(shift, np.array(radius * others))))

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        uniform = uniforms(u, self.dimensions)
        theta = np.asarray(normal_quantile(uniform) * np.array(self.scales))
        column = uniform[:, self.axis : self.axis + 1]
        theta[:, self.axis] = self.along.theta_from_uniform(column)[:, 0]
        return theta

    def one_sided(self) -> ProductLaw:
        return self

    def _of(self, along: Floats, others: Floats, rho0: float = 0.0, tv: float = 0.0) -> Floats:
        """The margin for a shift along the axis and t of all the rest, both (...,)."""
        left = np.asarray(others * (1.0 + ROUNDING))
        return self.along.margin(along[..., None], left, rho0=rho0, tv=tv)

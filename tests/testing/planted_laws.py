"""Laws with the name of a correct one and one fault each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.theory.laws import HaarLaw, LaplaceLaw, Law
from gsmooth.theory.normal import Floats


@dataclass(frozen=True)
class Correct(Law):
    """The Laplace law, by another implementation."""

    scale: float = 0.5
    sigma: float = 0.25
    name: ClassVar[str] = "laplace"

    @property
    def dimensions(self) -> int:
        return 1

    @property
    def proper(self) -> LaplaceLaw:
        return LaplaceLaw(self.scale, self.sigma)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        return self.proper.margin(shift, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return self.proper.required_p_for_radius(radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return self.proper.theta_from_uniform(u)


class Wide(Correct):
    """Samples a quarter too wide: sound, but another law than its name."""

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return np.asarray(1.25 * self.proper.theta_from_uniform(u))


class Short(Correct):
    """Required shares are those of shifts that are a fifth shorter."""

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        return self.proper.margin(0.8 * np.asarray(shift), residual, rho0=rho0, tv=tv)


class Sawtooth(Correct):
    """The radius falls where the share passes 0.9."""

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(p_lower) * (0.5 if p_lower > 0.9 else 1.0)


class Eager(Correct):
    """A radius for a share that is a little below one half."""

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(min(p_lower + 0.05, 1.0 - 1e-12))


class Squared(Correct):
    """The radius grows with the square of the scale."""

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(p_lower) * self.scale


@dataclass(frozen=True)
class ForgottenCircle(Law):
    """The Haar law of two circles that draws on the first only, and calls both free."""

    axes: tuple[int, ...] = (0, 1)
    scales: tuple[float, ...] = (6.0, 6.0)
    sigma: float = 0.25
    name: ClassVar[str] = "haar"

    @property
    def proper(self) -> HaarLaw:
        return HaarLaw(self.axes, self.scales, self.sigma)

    @property
    def dimensions(self) -> int:
        return 2

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        return self.proper.margin(shift, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return self.proper.required_p_for_radius(radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        theta = self.proper.theta_from_uniform(u)
        theta[:, 1] = 0.0
        return theta

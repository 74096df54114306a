"""What a law promises, as functions that take a law, and worst-case classifiers that test it.

The classifiers are indicator functions of theta (and of one coordinate of delta): by Neyman and
Pearson the worst one collects the cells whose mass shrinks most under the shift. Every one of them
is a genuine classifier, so a law that they break is wrong; no tolerance is involved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from gsmooth.theory.forward import ExponentialLaw, FoldedNormalLaw
from gsmooth.theory.law import Law
from gsmooth.theory.laws import GaussianLaw, LaplaceLaw
from gsmooth.theory.uniform import UniformLaw

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """The distribution of theta as SciPy has it, independent of the library."""

    cdf: Callable[[Floats], Floats]
    quantile: Callable[[Floats], Floats]


def noise_of(law: Law) -> Noise:
    match law:
        case GaussianLaw(scales=(scale,)):
            frozen = stats.norm(scale=scale)
        case UniformLaw(half_width=half_width):
            start = 0.0 if law.non_negative else -half_width
            frozen = stats.uniform(start, 2 * half_width)
        case ExponentialLaw(scale=scale):
            frozen = stats.expon(scale=scale)
        case FoldedNormalLaw(scale=scale):
            frozen = stats.halfnorm(scale=scale)
        case LaplaceLaw(scale=scale):
            frozen = stats.laplace(scale=scale)
        case _:
            raise AssertionError(f"no distribution known for {law}")
    return Noise(frozen.cdf, frozen.ppf)


def cells(noise: Noise, shift: float, count: int) -> Floats:
    """Mass under the shift of ``count`` cells of theta that are equally likely without it."""
    edges = noise.quantile(np.linspace(0.0, 1.0, count + 1))
    return np.diff(noise.cdf(edges - shift))


def worst_share(masses: Floats, share: float) -> float:
    """Least shifted mass of a set of equally likely cells that holds more than ``share``."""
    chosen = math.floor(share * masses.size) + 1
    return float(np.sum(np.partition(masses, chosen - 1)[:chosen]))


def check_required_share(law: Law, noise: Noise, shift: float, count: int = 100_000) -> None:
    """No classifier with more than the required share loses its class at ``shift``."""
    share = float(law.required_p([shift]))
    assert 0.5 <= share <= 1.0
    if share < 1.0 - 2.0 / count:
        assert worst_share(cells(noise, shift, count), share) > 0.5


def check_required_share_is_tight(law: Law, noise: Noise, shift: float) -> None:
    """A classifier with slightly less than the required share does lose its class."""
    share = float(law.required_p([shift]))
    assert worst_share(cells(noise, shift, 100_000), share - 1e-4) <= 0.5


def check_radius(law: Law, noise: Noise, p_lower: float, count: int = 100_000) -> None:
    """A classifier with share above p_lower keeps its class up to the radius."""
    radius = law.radius(p_lower)
    assert radius >= 0.0
    assert worst_share(cells(noise, radius, count), p_lower) >= 0.5


def check_joint_share(law: Law, noise: Noise, shift: float, residual: float) -> None:
    """As :func:`check_required_share`, for classifiers of theta and one coordinate of delta."""
    share = float(law.required_p([shift], residual))
    delta = Noise(stats.norm.cdf, stats.norm.ppf)
    masses = np.outer(cells(noise, shift, 800), cells(delta, residual / law.sigma, 800)).ravel()
    if share < 1.0 - 2.0 / masses.size:
        assert worst_share(masses, share) > 0.5


def check_inverse(law: Law, p_lower: float) -> None:
    """The share for the radius of p is p, and never above it: what was certified verifies."""
    radius = law.radius(p_lower)
    if radius > 0.0:
        share = law.required_p_for_radius(radius)
        assert share < p_lower
        assert math.isclose(share, p_lower, rel_tol=1e-12)
        assert math.isclose(share, float(law.required_p([radius])), rel_tol=1e-12)

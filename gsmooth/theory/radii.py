"""Radii and margins of the theorems T1, T2, T4 and T5 as plain functions of numbers.

Distances are in units of the noise: ``shift`` is sqrt(gamma^T Sigma^-1 gamma), ``residual`` is
||e||_2 / sigma. Margins and shares are rounded up, radii down.
"""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.rounding import exactly
from gsmooth.theory.arguments import (
    distances,
    require_finite,
    require_lower_bound,
    require_probability,
)
from gsmooth.theory.normal import (
    ROUNDING,
    Floats,
    normal_quantile,
    raise_margin,
    share_of_margin,
)


def round_share_down(p_lower: float) -> float:
    """p_lower less what the inverse of a radius rounds up: share(radius(p)) < p."""
    return p_lower - 4.0 * ROUNDING


def gaussian_radius(p_lower: float, sigma: float, p_second_upper: float | None = None) -> float:
    """Radius in the units of sigma within which (strictly) g is constant.

    Zero when the top class is not shown to lead (p_lower <= 1/2 without ``p_second_upper``).
    ``p_second_upper`` bounds every other class *simultaneously* with p_lower (the two error
    probabilities add); it never exceeds 1 - p_lower, and is that when omitted. p_lower = 1 is
    refused. Source: Cohen et al. (2019), Theorem 1 (T1); Fischer et al. (2020), Thm 3.2 (T2).
    """
    require_lower_bound(p_lower)
    require_finite("sigma", sigma, positive=False)
    lower = round_share_down(p_lower)
    second = 1.0 - lower
    if p_second_upper is not None:
        if not 0.0 < p_second_upper <= 1.0:
            raise ConfigurationError(
                f"p_second_upper={p_second_upper!r}: expected an upper confidence bound in (0, 1]; "
                "use clopper_pearson_upper"
            )
        second = min(second, p_second_upper + 4.0 * ROUNDING)
    if lower <= second:
        return 0.0
    gap = float(normal_quantile(lower)) - float(normal_quantile(second))
    return 0.5 * sigma * gap * (1.0 - ROUNDING)


def gaussian_share(radius: float, sigma: float) -> float:
    """Least share above which :func:`gaussian_radius` exceeds ``radius``, rounded up (T1).

    1.0 (unreachable) for a positive radius at sigma = 0.
    """
    require_finite("radius", radius, positive=False)
    require_finite("sigma", sigma, positive=False)
    if sigma == 0.0:
        return 1.0 if radius > 0.0 else float(share_of_margin(0.0))
    return float(share_of_margin(radius / sigma * (1.0 + ROUNDING)))


def target_margin(residual: ArrayLike, rho0: float = 0.0, tv: float = 0.0) -> Floats:
    """Margin that the votes must keep *after* the shift of theta, whatever the law of theta.

    Phi^-1(Phi(residual + Phi^-1(1/2 + tv)) + rho0), by Jensen: h(q) = Phi(Phi^-1(q) - residual) is
    convex (T5 for other laws of theta than the Gaussian). residual (...,) is E / sigma, rho0 the
    probability that E fails, tv the float term of F1. Under Gaussian theta :func:`general_margin`
    asks for less.
    """
    require_probability("rho0", rho0)
    require_probability("tv", tv)
    goal = distances("residual", residual) + raise_margin(0.0, tv)
    return raise_margin(goal * (1.0 + ROUNDING), rho0)


def general_margin(
    shift: ArrayLike, residual: ArrayLike, rho0: float = 0.0, tv: float = 0.0
) -> Floats:
    """Margin of T5 (any action, Gaussian theta): hypot(shift, residual) + Phi^-1(1/2 + rho0).

    shift (...,) and residual (...,) in units of the noise; the result broadcasts them. ``residual``
    bounds ||e_beta|| / sigma = t for every beta outside an event of probability rho0, e_beta =
    T_beta z' - T_(beta+gamma) z_c independent of delta. g keeps its class where p > Phi(margin).
    T4 (orthogonal action) is the case rho0 = 0, in which ||e_beta|| = ||e|| for every beta.
    ``tv`` is paid twice (F1): Phi(Phi^-1(p - tv) - margin) - tv > 1/2.

    Proof. q(b) = P_delta(class at T_b z_c). At z' the class has at least h(q(beta + gamma)) of the
    votes, h(q) = Phi(Phi^-1(q) - t), for every beta outside the event (T1), and the event costs at
    most rho0. Take u ~ N(0, 1) independent of beta and F(b, u) = 1[u <= Phi^-1(q(b))]: then E
    F(beta, u) = p, and E h(q(beta + gamma)) = P(u + t <= Phi^-1(q(beta + gamma))) = E F(beta +
    gamma, u + t), a set of share p under a Gaussian that moved by (gamma, t). By Neyman and Pearson
    it keeps Phi(Phi^-1(p) - hypot(shift, t)).
    """
    require_probability("rho0", rho0)
    require_probability("tv", tv)
    distance = np.hypot(distances("shift", shift), distances("residual", residual))
    goal = raise_margin(raise_margin(0.0, tv), rho0)
    return raise_margin(distance * (1.0 + ROUNDING) + goal, tv)


def round_down(value: float, digits: int) -> float:
    """The largest decimal with ``digits`` places that is <= value's shortest decimal form (F4).

    f"{round_down(r, 3):.3f}" never reads as more than r, and 0.3 stays 0.3. Inf is returned as it
    is; NaN is refused.
    """
    if math.isnan(value):
        raise ConfigurationError("value=nan: expected a number to print")
    if math.isinf(value):
        return value
    exact = Decimal(repr(float(value)))
    with exactly():
        step = Decimal(1).scaleb(-digits)
        return float((exact / step).to_integral_value(rounding=ROUND_FLOOR) * step)

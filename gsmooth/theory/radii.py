"""Radii and margins of the theorems T1, T2, T4 and T5 as plain functions of numbers.

T1: additive Gaussian noise. T2: transformations that compose exactly. T4 and T5: noise on
parameters and pixels together. Distances are in units of the noise: ``shift`` is sqrt(gamma^T
Sigma^-1 gamma), ``residual`` is ||e||_2 / sigma. Margins and required probabilities are rounded
up, radii down.
"""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.text.rounding import exactly
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
    required_p_of_margin,
)


def round_p_down(p_lower: float) -> float:
    """Lower bound on a probability, moved down by what the inverse of a radius rounds up.

    After it, the probability required for the certified radius is below p_lower.

    Args:
        p_lower: Lower confidence bound.

    Returns:
        The bound, lower by 4 * ROUNDING.
    """
    return p_lower - 4.0 * ROUNDING


def gaussian_radius(p_lower: float, sigma: float, p_second_upper: float | None = None) -> float:
    """Certified radius of a smoothed classifier under Gaussian noise (T1, T2).

    T1: with additive noise the class is constant where ||e||_2 < sigma Phi^-1(p_lower). T2 says the
    same of the shift of a parameter, if the transformation composes exactly. Source: Cohen,
    Rosenfeld and Kolter (2019), Theorem 1; Fischer, Baader and Vechev (2020), Theorem 3.2.

    Args:
        p_lower: Lower confidence bound on the probability of the top class, in [0, 1).
        sigma: Standard deviation of the noise, in units of the image or of the parameter.
        p_second_upper: Upper confidence bound on every other class, in (0, 1], which holds at the
            same time as p_lower (the two error probabilities add). None: 1 - p_lower.

    Returns:
        Radius in the units of sigma (strict), rounded down; 0 if the top class is not shown to
        lead, which is p_lower <= 1/2 without ``p_second_upper``.

    Raises:
        ConfigurationError: An argument is outside its range.

    Example:
        >>> round(gaussian_radius(0.99, sigma=0.5), 3)
        1.163
    """
    require_lower_bound(p_lower)
    require_finite("sigma", sigma, positive=False)
    lower = round_p_down(p_lower)
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


def gaussian_required_p(radius: float, sigma: float) -> float:
    """Least probability above which :func:`gaussian_radius` exceeds a radius (T1).

    T1: the class is constant within radius r where its probability exceeds Phi(r / sigma).

    Args:
        radius: Radius in the units of sigma, at least 0.
        sigma: Standard deviation of the noise, at least 0.

    Returns:
        Required probability, rounded up; 1.0 (unreachable) for a positive radius at sigma = 0.

    Raises:
        ConfigurationError: An argument is negative or not finite.

    Example:
        >>> round(gaussian_required_p(0.5, sigma=0.5), 4)
        0.8413
    """
    require_finite("radius", radius, positive=False)
    require_finite("sigma", sigma, positive=False)
    if sigma == 0.0:
        return 1.0 if radius > 0.0 else float(required_p_of_margin(0.0))
    return float(required_p_of_margin(radius / sigma * (1.0 + ROUNDING)))


def target_margin(residual: ArrayLike, rho0: float = 0.0, tv: float = 0.0) -> Floats:
    """Margin that must remain *after* the shift of theta, for any noise law of theta (T5).

    T5 for laws other than the Gaussian: h(q) = Phi(Phi^-1(q) - residual) is convex, so by Jensen's
    inequality the class is kept if its probability after the shift exceeds Phi(residual +
    Phi^-1(1/2 + tv)) + rho0. For Gaussian theta :func:`general_margin` requires less.

    Args:
        residual: E / sigma (...,), at least 0.
        rho0: Probability that the bound E fails, in [0, 1).
        tv: Total variation between float noise and real noise (F1), in [0, 1).

    Returns:
        Margins (...,), rounded up; inf where no probability suffices.

    Raises:
        ConfigurationError: A residual is negative or NaN, or rho0 or tv is outside [0, 1).

    Example:
        >>> round(float(target_margin(0.5)), 4)
        0.5
    """
    require_probability("rho0", rho0)
    require_probability("tv", tv)
    goal = distances("residual", residual) + raise_margin(0.0, tv)
    return raise_margin(goal * (1.0 + ROUNDING), rho0)


def general_margin(
    shift: ArrayLike, residual: ArrayLike, rho0: float = 0.0, tv: float = 0.0
) -> Floats:
    """Margin of a shift and a residual under Gaussian theta (T4, T5).

    T5 (any action): the class at a centre is kept if its probability exceeds Phi(margin), margin =
    hypot(shift, residual) + Phi^-1(1/2 + rho0), where ``residual`` bounds ||e_beta|| / sigma for
    every beta outside an event of probability rho0, e_beta = T_beta z' - T_(beta+gamma) z_c
    independent of delta. T4 (orthogonal action) is the case rho0 = 0, in which ||e_beta|| = ||e||
    for every beta.

    Proof. Let t = residual and q(b) = P_delta(class at T_b z_c). At z' the class has at least
    h(q(beta + gamma)) of the votes, h(q) = Phi(Phi^-1(q) - t), for every beta outside the event
    (T1), and the event costs at most rho0. Take u ~ N(0, 1) independent of beta and F(b, u) = 1[u
    <= Phi^-1(q(b))]: then E F(beta, u) = p, and E h(q(beta + gamma)) = P(u + t <= Phi^-1(q(beta +
    gamma))) = E F(beta + gamma, u + t), the probability of a set of probability p after a Gaussian
    vector moves by (gamma, t). By Neyman and Pearson it is at least Phi(Phi^-1(p) - hypot(shift,
    t)).

    Args:
        shift: sqrt(gamma^T Sigma^-1 gamma) (...,), at least 0.
        residual: E / sigma (...,), at least 0; broadcasts with ``shift``.
        rho0: Probability that the bound E fails, in [0, 1).
        tv: Total variation between float noise and real noise, in [0, 1). It is paid twice (F1), at
            the centre and at the attacked point: Phi(Phi^-1(p - tv) - margin) - tv > 1/2.

    Returns:
        Margins, rounded up; inf where no probability suffices.

    Raises:
        ConfigurationError: A distance is negative or NaN, or rho0 or tv is outside [0, 1).

    Example:
        >>> float(general_margin(3.0, 4.0).round(6))
        5.0
    """
    require_probability("rho0", rho0)
    require_probability("tv", tv)
    distance = np.hypot(distances("shift", shift), distances("residual", residual))
    goal = raise_margin(raise_margin(0.0, tv), rho0)
    return raise_margin(distance * (1.0 + ROUNDING) + goal, tv)


def round_down(value: float, digits: int) -> float:
    """Round a bound down to a number of decimal places (F4).

    F4: a printed bound is never stronger than the stored one. f"{round_down(r, 3):.3f}" never reads
    as more than r, and 0.3 stays 0.3.

    Args:
        value: Number to print; inf is returned as it is.
        digits: Decimal places.

    Returns:
        The largest decimal with so many places that is at most value's shortest decimal form.

    Raises:
        ConfigurationError: value is NaN.

    Example:
        >>> round_down(0.7499999, 2)
        0.74
    """
    if math.isnan(value):
        raise ConfigurationError("value=nan: expected a number to print")
    if math.isinf(value):
        return value
    exact = Decimal(repr(float(value)))
    with exactly():
        step = Decimal(1).scaleb(-digits)
        return float((exact / step).to_integral_value(rounding=ROUND_FLOOR) * step)

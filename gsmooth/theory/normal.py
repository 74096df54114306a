"""The standard normal distribution in float64, and the one convention for rounding outwards.

A *margin* rho stands for the required probability Phi(rho). Probabilities near 1 saturate in
float64 (Phi(8.3) is 1.0) and margins do not, so required probabilities are added and compared as
margins.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

# Every result is moved by this relative amount towards "certify less"; the errors of ndtr, ndtri
# and of the arithmetic around them are below a quarter of it (tests/theory/test_normal.py).
ROUNDING: Final = 2.0**-48


def normal_cdf(x: ArrayLike) -> Floats:
    """Phi(x), elementwise.

    Args:
        x: Numbers (...,).

    Returns:
        Probabilities (...,).
    """
    return np.asarray(special.ndtr(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def normal_quantile(p: ArrayLike) -> Floats:
    """Phi^-1(p), elementwise.

    Args:
        p: Probabilities (...,) in [0, 1].

    Returns:
        Quantiles (...,); -inf at 0 and inf at 1.
    """
    return np.asarray(special.ndtri(np.asarray(p, dtype=np.float64)), dtype=np.float64)


def required_p_of_margin(margin: ArrayLike) -> Floats:
    """Required probability of a margin: Phi(margin), rounded up.

    Args:
        margin: Margins (...,).

    Returns:
        Probabilities (...,), at most 1.0, which no vote exceeds.

    Example:
        >>> float(required_p_of_margin(1.0).round(4))
        0.8413
    """
    return np.asarray(np.minimum(normal_cdf(margin) * (1.0 + ROUNDING), 1.0))


def margin_of_failure(failure: ArrayLike) -> Floats:
    """Margin at which a probability of failing votes is allowed: Phi^-1(1 - failure), rounded up.

    Args:
        failure: Probabilities of failing votes (...,).

    Returns:
        Margins (...,); inf where failure <= 0.
    """
    failing = np.maximum(np.asarray(failure, dtype=np.float64), 0.0)
    margin = -normal_quantile(failing)
    return np.asarray(margin + ROUNDING * (1.0 + np.abs(margin)))


def failure_of_margin(margin: ArrayLike) -> Floats:
    """Probability of votes that may fail at a margin: 1 - Phi(margin), rounded down.

    Args:
        margin: Margins (...,).

    Returns:
        Probabilities (...,).
    """
    x = np.asarray(margin, dtype=np.float64)
    # The relative error of ndtr grows with x^2 in its tail, which underflows at 38.5.
    slack = ROUNDING * (1.0 + np.minimum(np.abs(x), 40.0) ** 2)
    return np.asarray(normal_cdf(-x) * (1.0 - slack))


def raise_margin(margin: ArrayLike, paid: ArrayLike) -> Floats:
    """Margin after a probability has been paid for: Phi^-1(Phi(margin) + paid), rounded up.

    Args:
        margin: Margins (...,).
        paid: Probabilities >= 0 to be added; broadcast with ``margin``.

    Returns:
        Margins; exactly ``margin`` where paid is 0, and inf where no votes suffice.

    Example:
        >>> float(raise_margin(0.0, 0.25).round(4))
        0.6745
    """
    start, added = np.asarray(margin, dtype=np.float64), np.asarray(paid, dtype=np.float64)
    left = failure_of_margin(start) - added * (1.0 + ROUNDING)
    return np.asarray(np.where(added == 0.0, start, margin_of_failure(left)))

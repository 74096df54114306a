"""The standard normal law in float64, and the one convention for rounding outwards.

A *margin* rho stands for the vote share Phi(rho): shares near 1 saturate in float64 (Phi(8.3) is
1.0), margins do not, so shares are added and compared as margins.
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
    """Phi(x), elementwise."""
    return np.asarray(special.ndtr(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def normal_quantile(p: ArrayLike) -> Floats:
    """Phi^-1(p), elementwise; -inf at 0 and inf at 1."""
    return np.asarray(special.ndtri(np.asarray(p, dtype=np.float64)), dtype=np.float64)


def share_of_margin(margin: ArrayLike) -> Floats:
    """Phi(margin) rounded up, at most 1.0; 1.0 is a share that no vote exceeds."""
    return np.asarray(np.minimum(normal_cdf(margin) * (1.0 + ROUNDING), 1.0))


def margin_of_failure(failure: ArrayLike) -> Floats:
    """Phi^-1(1 - failure) rounded up, for a share of failing votes; inf where failure <= 0."""
    failing = np.maximum(np.asarray(failure, dtype=np.float64), 0.0)
    margin = -normal_quantile(failing)
    return np.asarray(margin + ROUNDING * (1.0 + np.abs(margin)))


def failure_of_margin(margin: ArrayLike) -> Floats:
    """1 - Phi(margin), the share of votes that may fail, rounded down."""
    x = np.asarray(margin, dtype=np.float64)
    # The relative error of ndtr grows with x^2 in its tail, which underflows at 38.5.
    slack = ROUNDING * (1.0 + np.minimum(np.abs(x), 40.0) ** 2)
    return np.asarray(normal_cdf(-x) * (1.0 - slack))


def raise_margin(margin: ArrayLike, share: ArrayLike) -> Floats:
    """Phi^-1(Phi(margin) + share) rounded up: the margin after paying ``share`` >= 0 of the votes.

    Exactly ``margin`` where ``share`` is 0; inf where the votes do not suffice.
    """
    start, paid = np.asarray(margin, dtype=np.float64), np.asarray(share, dtype=np.float64)
    left = failure_of_margin(start) - paid * (1.0 + ROUNDING)
    return np.asarray(np.where(paid == 0.0, start, margin_of_failure(left)))

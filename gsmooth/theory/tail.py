"""The unnormalised upper tail of a beta distribution, in logarithms and without underflow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from gsmooth.theory.normal import Floats

# betaincc is used down to here; below, its logarithm would end in -inf.
DEEP: Final = 1e-250
STEPS: Final = 500
TINY: Final = 1e-300


def log_beta_tail(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Floats:
    """Logarithm of the integral of q^(a-1) (1-q)^(b-1) over q in (x, 1).

    It uses scipy's betaincc, and in the deep tail (below 1e-250) the continued fraction of the
    incomplete beta function, which converges fast there. Source: DLMF 8.17.22.

    Args:
        a: First exponent, > 0.
        b: Second exponent, > 0.
        x: Lower end of the integral, in (0, 1). All three broadcast.

    Returns:
        The logarithms, in the broadcast shape.

    Example:
        >>> round(float(log_beta_tail(1.0, 2.0, 0.5)), 4)  # ln(1/8)
        -2.0794
    """
    at = np.asarray(x, dtype=np.float64)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    first, second, at = np.broadcast_arrays(first, second, at)
    tail = np.asarray(special.betaincc(first, second, at), dtype=np.float64)
    deep = tail < DEEP
    with np.errstate(divide="ignore"):
        result = np.asarray(special.betaln(first, second) + np.log(tail), dtype=np.float64)
    if not deep.any():
        return result
    return _replaced(result, deep, _log_tail_by_fraction(first[deep], second[deep], at[deep]))


def _replaced(values: Floats, where: np.typing.NDArray[np.bool_], new: Floats) -> Floats:
    copy = values.copy()
    copy[where] = new
    return copy


def _log_tail_by_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """The tail as (1-x)^b x^a / (b K): K the fraction 1 + d1/(1 + d2/(1 + ...)), by Lentz."""
    y = 1.0 - x
    ratio, numerator, denominator = np.ones_like(y), np.ones_like(y), np.zeros_like(y)
    for step in range(1, STEPS):
        m, odd = divmod(step, 2)
        if odd:
            d = -(b + m) * (a + b + m) * y / ((b + 2 * m) * (b + 2 * m + 1))
        else:
            d = m * (a - m) * y / ((b + 2 * m - 1) * (b + 2 * m))
        denominator = 1.0 / _nonzero(1.0 + d * denominator)
        numerator = _nonzero(1.0 + d / numerator)
        ratio = ratio * numerator * denominator
        if np.all(np.abs(numerator * denominator - 1.0) < 1e-15):
            break
    return np.asarray(b * np.log1p(-x) + a * np.log(x) - np.log(b) - np.log(ratio))


def _nonzero(values: Floats) -> Floats:
    return np.asarray(np.where(np.abs(values) < TINY, TINY, values))

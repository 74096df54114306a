"""What the numbers handed to the theory must satisfy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.normal import Floats


def require_alpha(alpha: float, name: str = "alpha") -> None:
    """Raise ConfigurationError unless 0 < alpha <= 1/2 (a failure probability)."""
    if not 0.0 < alpha <= 0.5:
        raise ConfigurationError(
            f"{name}={alpha!r}: expected a failure probability in (0, 0.5]; 0.001 is customary"
        )


def require_counts(successes: int, trials: int) -> None:
    """Raise ConfigurationError unless 0 <= successes <= trials and trials >= 1."""
    if trials < 1 or not 0 <= successes <= trials:
        raise ConfigurationError(
            f"successes={successes}, trials={trials}: expected 0 <= successes <= trials and at "
            "least one trial; hand over the raw vote counts"
        )


def require_finite(name: str, value: float, *, positive: bool) -> None:
    """Raise ConfigurationError unless value is finite and positive (or at least 0)."""
    if not math.isfinite(value) or value < 0.0 or (positive and value == 0.0):
        expected = "positive" if positive else "non-negative"
        raise ConfigurationError(
            f"{name}={value!r}: expected a finite {expected} number, in the parameter's unit"
        )


def require_lower_bound(p_lower: float) -> None:
    """Raise ConfigurationError unless 0 <= p_lower < 1.

    A confidence bound is never 1: it would promise an infinite radius from a finite sample.
    """
    if not 0.0 <= p_lower < 1.0:
        raise ConfigurationError(
            f"p_lower={p_lower!r}: expected a lower confidence bound in [0, 1); "
            "use clopper_pearson_lower, not the observed share"
        )


def require_probability(name: str, value: float) -> None:
    """Raise ConfigurationError unless 0 <= value < 1."""
    if not 0.0 <= value < 1.0:
        raise ConfigurationError(f"{name}={value!r}: expected a probability in [0, 1)")


def require_share(share: float) -> None:
    """Raise ConfigurationError unless 0 < share < 1; UnreachableError from 1 upwards."""
    if share >= 1.0:
        raise UnreachableError(
            f"share={share!r}: no number of votes shows a share of 1 or more; ask for a smaller "
            "region or use more noise",
            None,
        )
    if not share > 0.0:
        raise ConfigurationError(f"share={share!r}: expected a vote share in (0, 1)")


def distances(name: str, values: ArrayLike) -> Floats:
    """``values`` as float64; ConfigurationError if one is negative or NaN (inf is allowed)."""
    array = np.asarray(values, dtype=np.float64)
    if not np.all(array >= 0.0):
        raise ConfigurationError(
            f"{name} holds a negative or NaN value: expected l2 norms; bound the norm first"
        )
    return array

"""Checks of the numbers that callers pass to the functions of this package."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.text.spelling import did_you_mean
from gsmooth.theory.normal import Floats


def require_alpha(alpha: float, name: str = "alpha") -> None:
    """Check a failure probability.

    Args:
        alpha: Failure probability, expected in (0, 1/2].
        name: Name of the argument in the error.

    Raises:
        ConfigurationError: alpha is outside (0, 1/2].
    """
    if not 0.0 < alpha <= 0.5:
        raise ConfigurationError(
            f"{name}={alpha!r}: expected a failure probability in (0, 0.5]; 0.001 is customary"
        )


def require_counts(successes: int, trials: int) -> None:
    """Check counts of votes.

    Args:
        successes: Votes for the class, expected in 0..trials.
        trials: Votes in all, expected to be at least 1.

    Raises:
        ConfigurationError: There is no trial, or the successes are outside 0..trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ConfigurationError(
            f"successes={successes}, trials={trials}: expected 0 <= successes <= trials and at "
            "least one trial; hand over the raw vote counts"
        )


def require_whole(**numbers: object) -> None:
    """Check that numbers of things are integers: 1e3 is a float in Python.

    Args:
        numbers: The numbers by the name of their argument.

    Raises:
        ConfigurationError: One is of another type.
    """
    for name, value in numbers.items():
        if not isinstance(value, SupportsIndex):
            whole = int(value) if isinstance(value, float) and value.is_integer() else 1000
            raise ConfigurationError(
                f"{name}={value!r} is of type {type(value).__name__}; expected a whole number,"
                f" such as {whole}"
            )


def require_finite(name: str, value: float, *, positive: bool) -> None:
    """Check that a size is finite and not negative.

    Args:
        name: Name of the argument in the error.
        value: The size.
        positive: Whether 0 is refused as well.

    Raises:
        ConfigurationError: value is infinite, NaN, negative, or 0 where it has to be positive.
    """
    number = isinstance(value, SupportsFloat)
    if not number or not math.isfinite(value) or value < 0.0 or (positive and value == 0.0):
        expected = "positive" if positive else "non-negative"
        raise ConfigurationError(
            f"{name}={value!r}: expected a finite {expected} number, in the parameter's unit"
        )


def require_lower_bound(p_lower: float) -> None:
    """Check a lower confidence bound on a probability.

    A bound is never 1, because that would give an infinite radius from a finite sample.

    Args:
        p_lower: Lower bound, expected in [0, 1).

    Raises:
        ConfigurationError: p_lower is outside [0, 1).
    """
    if not 0.0 <= p_lower < 1.0:
        raise ConfigurationError(
            f"p_lower={p_lower!r}: expected a lower confidence bound in [0, 1); "
            "use clopper_pearson_lower, not the observed frequency"
        )


def require_probability(name: str, value: float) -> None:
    """Check a probability that may be 0 but not 1.

    Args:
        name: Name of the argument in the error.
        value: Probability, expected in [0, 1).

    Raises:
        ConfigurationError: value is outside [0, 1).
    """
    if not 0.0 <= value < 1.0:
        raise ConfigurationError(f"{name}={value!r}: expected a probability in [0, 1)")


def require_required_p(required_p: float) -> None:
    """Check the probability that votes have to exceed.

    Args:
        required_p: Required probability, expected in (0, 1).

    Raises:
        UnreachableError: required_p is 1 or more, which no number of votes shows.
        ConfigurationError: required_p is 0 or less, or NaN.
    """
    if required_p >= 1.0:
        raise UnreachableError(
            f"required_p={required_p!r}: no number of votes shows a probability of 1 or more; ask"
            " for a smaller region or use more noise",
            None,
        )
    if not required_p > 0.0:
        raise ConfigurationError(f"required_p={required_p!r}: expected a probability in (0, 1)")


def distances(name: str, values: ArrayLike) -> Floats:
    """Convert distances to float64 and check them.

    Args:
        name: Name of the argument in the error.
        values: Distances (...,); inf is allowed.

    Returns:
        The distances as float64, (...,).

    Raises:
        ConfigurationError: A distance is negative or NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.all(array >= 0.0):
        raise ConfigurationError(
            f"{name} holds a negative or NaN value: expected l2 norms; bound the norm first"
        )
    return array


def require_names(what: str, given: Collection[str], known: Mapping[str, str], whose: str) -> None:
    """Refuse names of parameters that are unknown, and parameters that are not named.

    Args:
        what: What the names are given for; begins the message.
        given: The names that were given.
        known: The unit of every parameter, by its name.
        whose: The name of the transformation that has these parameters.

    Raises:
        ConfigurationError: ``given`` and ``known`` differ; the message lists the right names.
    """
    units = ", ".join(f"{name} [{unit}]" if unit else name for name, unit in known.items())
    has = f"{whose} has the parameters {units}" if known else f"{whose} has no parameters"
    if strange := [name for name in given if name not in known]:
        hint = did_you_mean(strange[0], known)
        raise ConfigurationError(f"{what}: unknown parameter {strange[0]!r}{hint}; {has}")
    if missing := [name for name in known if name not in given]:
        raise ConfigurationError(f"{what}: {' and '.join(missing)} not given; {has}")

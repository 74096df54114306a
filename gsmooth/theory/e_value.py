"""The e-value of a sample of votes, in arrays and, faster, of one pair of counts (S6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_required_p
from gsmooth.theory.normal import Floats
from gsmooth.theory.tail import DEEP, log_beta_tail


def log_e_value(
    successes: ArrayLike, failures: ArrayLike, required_p: ArrayLike, near_one: float = 0.5
) -> Floats:
    """Logarithm of the truncated-Jeffreys e-value for "p > required_p" (S6).

    S6: under any p <= required_p the e-value is a supermartingale from 1, so it ever reaches
    1/alpha with probability at most alpha. It is the mixture of the likelihood ratios q :
    required_p over Jeffreys' prior on q > required_p: ln e = ln B(H+1/2, F+1/2) + ln(1 - I(H+1/2,
    F+1/2)) - ln B(1/2, 1/2) - ln(1 - I(1/2, 1/2)) - H ln required_p - F ln(1 - required_p), with H
    successes, F failures and I at ``required_p``.

    Args:
        successes: Votes for the class, at least 0; all arguments broadcast.
        failures: Other votes, at least 0.
        required_p: Probability that is tested, in (0, 1).
        near_one: Exponent of the prior at q = 1, > 0, by default Jeffreys' 1/2. A smaller one moves
            the prior towards unanimous votes; every prior is valid.

    Returns:
        The logarithms, in the broadcast shape.

    Raises:
        UnreachableError: required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or a count is negative or NaN.

    Example:
        >>> float(log_e_value(60, 4, 0.774).round(2))
        5.19
    """
    won, lost, at = _arguments(successes, failures, required_p)
    prior = log_beta_tail(np.float64(0.5), np.float64(near_one), at)
    mixture = log_beta_tail(won + 0.5, lost + near_one, at)
    return np.asarray(mixture - prior - won * np.log(at) - lost * np.log1p(-at))


def log_e_slack(successes: ArrayLike, failures: ArrayLike, required_p: ArrayLike) -> Floats:
    """Bound on the rounding error of :func:`log_e_value`, which subtracts terms of size n ln n.

    Args:
        successes: Votes for the class, at least 0; all arguments broadcast.
        failures: Other votes, at least 0.
        required_p: Probability that is tested, in (0, 1).

    Returns:
        Bounds, in the broadcast shape.

    Raises:
        UnreachableError: required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or a count is negative or NaN.
    """
    won, lost, at = _arguments(successes, failures, required_p)
    terms = special.gammaln(won + lost + 3.0) - won * np.log(at) - lost * np.log1p(-at)
    return np.asarray(2.0**-50 * (40.0 + terms))


def shows(
    successes: ArrayLike, failures: ArrayLike, required_p: float, alpha: float
) -> NDArray[np.bool_]:
    """Whether ln e, rounded down, reaches ln(1/alpha) rounded up."""
    log_e = log_e_value(successes, failures, required_p) - log_e_slack(
        successes, failures, required_p
    )
    return np.asarray(log_e >= log_threshold(alpha))


def log_e_lower(won: int, lost: int, required_p: float, near_one: float = 0.5) -> float:
    """:func:`log_e_value` of one pair of counts less its rounding error, ten times as fast.

    It runs after every chunk of votes, and keeps what depends on ``required_p`` alone.

    Args:
        won: Votes for the class, at least 0.
        lost: Other votes, at least 0.
        required_p: Probability that is tested, in (0, 1).
        near_one: Exponent of the prior at q = 1, > 0.

    Returns:
        A lower bound on ln e.
    """
    return _log_e_lower(won, lost, required_p, near_one, known_terms)


def log_threshold(alpha: float) -> float:
    """ln(1/alpha), rounded up: a test accepts where ln e, rounded down, reaches it.

    Args:
        alpha: Level of the test, in (0, 1/2].
    """
    return -math.log(alpha) * (1.0 + 2.0**-50)


def fresh_terms(required_p: float, near_one: float) -> tuple[float, float, float]:
    """ln of the prior's mass above ``required_p``, ln required_p and ln(1 - required_p)."""
    prior = _log_tail(0.5, near_one, required_p)
    return prior, float(np.log(required_p)), float(np.log1p(-required_p))


_Terms = Callable[[float, float], tuple[float, float, float]]
known_terms: Final = lru_cache(maxsize=4096)(fresh_terms)


def _log_e_lower(won: int, lost: int, required_p: float, near_one: float, terms: _Terms) -> float:
    prior, log_required_p, log_rest = terms(required_p, near_one)
    log_e = (
        _log_tail(won + 0.5, lost + near_one, required_p)
        - prior
        - won * log_required_p
        - lost * log_rest
    )
    spread = float(special.gammaln(won + lost + 3.0)) - won * log_required_p - lost * log_rest
    return log_e - 2.0**-50 * (40.0 + spread)


def shows_one(
    won: int, lost: int, required_p: float, alpha: float, terms: _Terms = known_terms
) -> bool:
    """:func:`shows` for one pair of counts."""
    return _log_e_lower(won, lost, required_p, 0.5, terms) >= log_threshold(alpha)


def _log_tail(a: float, b: float, x: float) -> float:
    """:func:`log_beta_tail` of three numbers."""
    chance = special.betaincc(a, b, x)
    if chance < DEEP:
        return float(log_beta_tail(a, b, x))
    return float(special.betaln(a, b) + np.log(chance))


def _arguments(
    successes: ArrayLike, failures: ArrayLike, required_p: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    won = np.asarray(successes, dtype=np.float64)
    lost = np.asarray(failures, dtype=np.float64)
    at = np.asarray(required_p, dtype=np.float64)
    for extreme in (at.min(initial=0.5), at.max(initial=0.5)):
        require_required_p(float(extreme))
    if not (np.all(won >= 0.0) and np.all(lost >= 0.0)):
        raise ConfigurationError("negative or NaN counts: expected successes >= 0, failures >= 0")
    return won, lost, at

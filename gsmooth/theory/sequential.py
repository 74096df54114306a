"""Tests that stay valid however often and whenever the votes are looked at (S6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.arguments import require_alpha, require_counts, require_required_p
from gsmooth.theory.normal import Floats
from gsmooth.theory.settings import THEORY
from gsmooth.theory.tail import DEEP, log_beta_tail

MOST_VOTES: Final = 2**50


@final
@dataclass(frozen=True)
class StreamedSample:
    """Counts of the first votes of a stream that was or may have been looked at.

    Args:
        successes: Votes for the class, in 0..trials.
        trials: Votes in all, at least 1.

    Raises:
        ConfigurationError: The counts are impossible.
    """

    successes: int
    trials: int

    def __post_init__(self) -> None:
        require_counts(self.successes, self.trials)

    @property
    def failures(self) -> int:
        """Votes that are not for the class."""
        return self.trials - self.successes


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


@final
@dataclass(frozen=True)
class EProcess:
    """Sequential test of "p > required_p" that may look at the votes at any time (S6).

    S6: the probability of ever accepting a p <= required_p is at most alpha. By Ville's inequality
    the test may accept when ln e, less its rounding error, is at least ln(1/alpha).

    Args:
        required_p: Probability that is tested, in (0, 1).
        alpha: Level of the test, in (0, 1/2].

    Raises:
        UnreachableError: required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or alpha is outside (0, 1/2].

    Example:
        >>> test = EProcess(required_p=0.774, alpha=0.001)
        >>> test.accepts(StreamedSample(successes=40, trials=40))
        True
        >>> test.least_n()
        32
    """

    required_p: float
    alpha: float

    def __post_init__(self) -> None:
        require_required_p(self.required_p)
        require_alpha(self.alpha)

    def log_e(self, sample: StreamedSample) -> float:
        """Logarithm of the e-value of a sample.

        Args:
            sample: The votes so far.

        Returns:
            ln e, to float64 accuracy.
        """
        return float(log_e_value(sample.successes, sample.failures, self.required_p))

    def accepts(self, sample: StreamedSample) -> bool:
        """Whether p > required_p is shown; it may be called after any vote, the first True counts.

        Args:
            sample: The votes so far.

        Returns:
            Whether the test accepts.
        """
        return _shows_one(sample.successes, sample.failures, self.required_p, self.alpha)

    def boundary(self, trials: ArrayLike) -> NDArray[np.int64]:
        """Least accepting number of successes.

        Args:
            trials: Numbers of votes (...,).

        Returns:
            Numbers of successes (...,); trials + 1 where even unanimous votes are not accepted.
        """
        total = np.asarray(trials, dtype=np.int64)
        # Up to required_p * total every likelihood ratio q : required_p, q > required_p, and so e,
        # is at most 1.
        low, high = np.floor(self.required_p * total).astype(np.int64) - 1, total + 1
        knots = np.unique(total)[::-1][:: THEORY.boundary_spacing][::-1]
        if len(knots) > 1:
            low, high = _between(knots, self.boundary(knots), total, low, high)
        while np.any(high - low > 1):
            middle = (low + high) // 2
            counted = np.clip(middle, 0, total)
            shown = _shows(counted, total - counted, self.required_p, self.alpha)
            open_ = high - low > 1
            high = np.where(open_ & shown, middle, high)
            low = np.where(open_ & ~shown, middle, low)
        return np.asarray(high)

    def least_successes(self, trials: int) -> int | None:
        """Least accepting number of successes among so many votes.

        Args:
            trials: Number of votes, at least 1.

        Returns:
            The number of successes; None if even unanimous votes are not accepted.
        """
        require_counts(0, trials)
        least = int(self.boundary(trials))
        return least if least <= trials else None

    def least_n(self) -> int:
        """Least number of unanimous votes that is accepted.

        Returns:
            The number of votes.

        Raises:
            UnreachableError: No number below 2^50 is accepted.
        """
        low, high = 0, 1
        while not _shows_one(high, 0, self.required_p, self.alpha):
            if high >= MOST_VOTES:
                raise UnreachableError(
                    f"required_p={self.required_p!r} at alpha={self.alpha!r}: even {high}"
                    f" unanimous votes "
                    "fall short; ask for a smaller region or use more noise",
                    None,
                )
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            shown = _shows_one(middle, 0, self.required_p, self.alpha)
            low, high = (low, middle) if shown else (middle, high)
        return high


@final
@dataclass(frozen=True)
class Futility:
    """The mirrored test, which stops a centre early because p < required_p (S6).

    S6: it stops a p >= required_p with probability at most ``level``, at all looks together. This
    costs power and never soundness.

    Args:
        required_p: Probability that the class needs, in (0, 1).
        level: Probability of stopping a class that has it, in (0, 1/2].

    Raises:
        UnreachableError: required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or level is outside (0, 1/2].

    Example:
        >>> Futility(required_p=0.774, level=0.01).stops(StreamedSample(successes=30, trials=64))
        True
    """

    required_p: float
    level: float

    def __post_init__(self) -> None:
        require_required_p(self.required_p)
        require_alpha(self.level, "level")

    @property
    def mirror(self) -> EProcess:
        """The test of "1 - p > 1 - required_p" on the failures."""
        return EProcess(1.0 - self.required_p, self.level)

    def log_e(self, sample: StreamedSample) -> float:
        """Logarithm of the e-value against p >= required_p.

        Args:
            sample: The votes so far.

        Returns:
            ln e, to float64 accuracy.
        """
        return float(log_e_value(sample.failures, sample.successes, 1.0 - self.required_p))

    def stops(self, sample: StreamedSample) -> bool:
        """Whether p < required_p is shown at the declared level.

        Args:
            sample: The votes so far.

        Returns:
            Whether the centre is given up.
        """
        return _shows_one(sample.failures, sample.successes, 1.0 - self.required_p, self.level)


def cannot_accept(sample: StreamedSample, remaining: int, eprocess: EProcess) -> bool:
    """Whether even unanimous votes from now on would not let a test accept.

    This is certain, without probability: unanimous votes only ever raise the e-value.

    Args:
        sample: The votes so far.
        remaining: Votes that may still be cast, at least 0.
        eprocess: The test.

    Returns:
        Whether it cannot accept any more.

    Raises:
        ConfigurationError: remaining is negative.

    Example:
        >>> sample = StreamedSample(successes=10, trials=20)
        >>> cannot_accept(sample, remaining=30, eprocess=EProcess(0.774, alpha=0.001))
        True
    """
    if remaining < 0:
        raise ConfigurationError(f"remaining={remaining}: expected the number of votes left, >= 0")
    best = StreamedSample(sample.successes + remaining, sample.trials + remaining)
    return not eprocess.accepts(best)


def anytime_lower(sample: StreamedSample, alpha: float) -> float:
    """Largest probability that the e-process rejects: a lower bound valid at any time (S6).

    S6, inverted: P(at some time the bound exceeds p) <= alpha. The rejected probabilities are an
    interval (0, L]: where e >= 1.1 the derivative of ln e in the tested probability is negative,
    because the hazard h of the arcsine law is increasing above .28 (integration by parts gives 1 -
    1/e <= s/h with s the score) and s > h for smaller probabilities.

    Args:
        sample: The votes so far.
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The bound, in [0, 1); 0 if nothing is rejected.

    Raises:
        ConfigurationError: alpha is outside (0, 1/2].

    Example:
        >>> round(anytime_lower(StreamedSample(successes=60, trials=64), alpha=0.001), 4)
        0.7454
    """
    require_alpha(alpha)
    won, lost = sample.successes, sample.failures
    low, high = 0.0, won / sample.trials
    while True:
        middle = 0.5 * (low + high)
        # A bound below 1e-300 has no use: it is returned as it is.
        if not low < middle < high or high < 1e-300:
            return low
        if _shows_one(won, lost, middle, alpha, _terms):
            low = middle
        else:
            high = middle


def _between(
    knots: NDArray[np.int64],
    least: NDArray[np.int64],
    total: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Closer ends for the boundary at ``total``, from the knots around it; the last is no smaller.

    From one number of votes to the next the boundary stays or grows by one: what was accepted is
    accepted with one success more, and with one failure less.
    """
    after = np.searchsorted(knots, total)
    low = np.maximum(low, least[after] - (knots[after] - total) - 1)
    high = np.minimum(high, least[after])
    before = np.maximum(after - 1, 0)
    behind = total - knots[before]  # Negative below the first knot.
    high = np.where(behind >= 0, np.minimum(high, least[before] + behind), high)
    return np.where(behind >= 0, np.maximum(low, least[before] - 1), low), high


def _shows(
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
    return _log_e_lower(won, lost, required_p, near_one, _known_terms)


def log_threshold(alpha: float) -> float:
    """ln(1/alpha), rounded up: a test accepts where ln e, rounded down, reaches it.

    Args:
        alpha: Level of the test, in (0, 1/2].
    """
    return -math.log(alpha) * (1.0 + 2.0**-50)


def _terms(required_p: float, near_one: float) -> tuple[float, float, float]:
    """ln of the prior's mass above ``required_p``, ln required_p and ln(1 - required_p)."""
    prior = _log_tail(0.5, near_one, required_p)
    return prior, float(np.log(required_p)), float(np.log1p(-required_p))


_Terms = Callable[[float, float], tuple[float, float, float]]
_known_terms: Final = lru_cache(maxsize=4096)(_terms)


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


def _shows_one(
    won: int, lost: int, required_p: float, alpha: float, terms: _Terms = _known_terms
) -> bool:
    """:func:`_shows` for one pair of counts."""
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

"""Tests that stay valid however often and whenever the votes are looked at (S6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.arguments import require_alpha, require_counts, require_required_p
from gsmooth.theory.e_value import fresh_terms, log_e_value, shows, shows_one
from gsmooth.theory.settings import THEORY

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
        return shows_one(sample.successes, sample.failures, self.required_p, self.alpha)

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
            shown = shows(counted, total - counted, self.required_p, self.alpha)
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
        while not shows_one(high, 0, self.required_p, self.alpha):
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
            shown = shows_one(middle, 0, self.required_p, self.alpha)
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
        return shows_one(sample.failures, sample.successes, 1.0 - self.required_p, self.level)


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
        if shows_one(won, lost, middle, alpha, fresh_terms):
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

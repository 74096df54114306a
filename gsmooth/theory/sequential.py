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
from gsmooth.theory.arguments import require_alpha, require_counts, require_share
from gsmooth.theory.normal import Floats
from gsmooth.theory.tail import DEEP, log_beta_tail

MOST_VOTES: Final = 2**50
APART: Final = 64
"""Numbers of votes between two whose boundary is searched for from nothing."""


@final
@dataclass(frozen=True)
class StreamedSample:
    """successes of the first trials votes of a stream that was or may have been looked at."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        require_counts(self.successes, self.trials)

    @property
    def failures(self) -> int:
        return self.trials - self.successes


def log_e_value(successes: ArrayLike, failures: ArrayLike, share: ArrayLike) -> Floats:
    """ln of the truncated-Jeffreys e-value for "p > share"; arguments broadcast.

    ln B(H+1/2, F+1/2) + ln(1 - I(H+1/2, F+1/2)) - ln B(1/2, 1/2) - ln(1 - I(1/2, 1/2))
    - H ln share - F ln(1 - share), the mixture of the likelihood ratios q : share over Jeffreys'
    prior on q > share. Under any p <= share it is a supermartingale from 1. share outside (0, 1)
    is refused. Source: S6.
    """
    won, lost, at = _arguments(successes, failures, share)
    prior = log_beta_tail(np.float64(0.5), np.float64(0.5), at)
    mixture = log_beta_tail(won + 0.5, lost + 0.5, at)
    return np.asarray(mixture - prior - won * np.log(at) - lost * np.log1p(-at))


def log_e_slack(successes: ArrayLike, failures: ArrayLike, share: ArrayLike) -> Floats:
    """Bound on the rounding error of :func:`log_e_value`: it subtracts terms of size n ln n."""
    won, lost, at = _arguments(successes, failures, share)
    terms = special.gammaln(won + lost + 3.0) - won * np.log(at) - lost * np.log1p(-at)
    return np.asarray(2.0**-50 * (40.0 + terms))


@final
@dataclass(frozen=True)
class EProcess:
    """Sequential test of "p > share": the probability of ever accepting a p <= share is <= alpha.

    It may look at the votes at any time (S6): by Ville's inequality it may accept when ln e, less
    its rounding error, is at least ln(1/alpha).
    share in (0, 1); UnreachableError from 1 upwards.
    """

    share: float
    alpha: float

    def __post_init__(self) -> None:
        require_share(self.share)
        require_alpha(self.alpha)

    def log_e(self, sample: StreamedSample) -> float:
        """ln e of the sample, to float64 accuracy."""
        return float(log_e_value(sample.successes, sample.failures, self.share))

    def accepts(self, sample: StreamedSample) -> bool:
        """Whether p > share is shown; may be asked after any vote, and once True it counts."""
        return _shows_one(sample.successes, sample.failures, self.share, self.alpha)

    def boundary(self, trials: ArrayLike) -> NDArray[np.int64]:
        """Least accepting number of successes for each of trials (...,); trials + 1 if none."""
        total = np.asarray(trials, dtype=np.int64)
        # Up to share * total every likelihood ratio q : share, q > share, and so e, is at most 1.
        low, high = np.floor(self.share * total).astype(np.int64) - 1, total + 1
        knots = np.unique(total)[::-1][::APART][::-1]
        if len(knots) > 1:
            low, high = _between(knots, self.boundary(knots), total, low, high)
        while np.any(high - low > 1):
            middle = (low + high) // 2
            counted = np.clip(middle, 0, total)
            shown = _shows(counted, total - counted, self.share, self.alpha)
            open_ = high - low > 1
            high = np.where(open_ & shown, middle, high)
            low = np.where(open_ & ~shown, middle, low)
        return np.asarray(high)

    def least_successes(self, trials: int) -> int | None:
        """Least accepting number of successes among ``trials`` votes; None if even all fail."""
        require_counts(0, trials)
        least = int(self.boundary(trials))
        return least if least <= trials else None

    def least_n(self) -> int:
        """Least number of unanimous votes that is accepted; UnreachableError at 2^50 and beyond."""
        low, high = 0, 1
        while not _shows_one(high, 0, self.share, self.alpha):
            if high >= MOST_VOTES:
                raise UnreachableError(
                    f"share={self.share!r} at alpha={self.alpha!r}: even {high} unanimous votes "
                    "fall short; ask for a smaller region or use more noise",
                    None,
                )
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            shown = _shows_one(middle, 0, self.share, self.alpha)
            low, high = (low, middle) if shown else (middle, high)
        return high


@final
@dataclass(frozen=True)
class Futility:
    """The mirrored process: evidence that p < share, so that votes can be saved (S6).

    Stops a p >= share with probability at most ``level``: this costs power, never soundness.
    """

    share: float
    level: float

    def __post_init__(self) -> None:
        require_share(self.share)
        require_alpha(self.level, "level")

    @property
    def mirror(self) -> EProcess:
        """The test of "1 - p > 1 - share" on the failures."""
        return EProcess(1.0 - self.share, self.level)

    def log_e(self, sample: StreamedSample) -> float:
        """ln of the e-value against p >= share."""
        return float(log_e_value(sample.failures, sample.successes, 1.0 - self.share))

    def stops(self, sample: StreamedSample) -> bool:
        """Whether p < share is shown at the declared level."""
        return _shows_one(sample.failures, sample.successes, 1.0 - self.share, self.level)


def cannot_accept(sample: StreamedSample, remaining: int, eprocess: EProcess) -> bool:
    """Whether even ``remaining`` further unanimous votes would not let ``eprocess`` accept.

    Certain, without probability: unanimous votes only ever raise the e-value.
    """
    if remaining < 0:
        raise ConfigurationError(f"remaining={remaining}: expected the number of votes left, >= 0")
    best = StreamedSample(sample.successes + remaining, sample.trials + remaining)
    return not eprocess.accepts(best)


def anytime_lower(sample: StreamedSample, alpha: float) -> float:
    """Largest share that the e-process rejects: a lower confidence bound valid at any time.

    P(at some time the bound exceeds p) <= alpha; 0 when nothing is rejected. The rejected shares
    are an interval (0, L]: where e >= 1.1 the derivative of ln e in the share is negative, because
    the hazard h of the arcsine law is increasing above .28 (integration by parts gives
    1 - 1/e <= s/h with s the score) and s > h for smaller shares. Source: inversion of S6.
    """
    require_alpha(alpha)
    won, lost = sample.successes, sample.failures
    low, high = 0.0, won / sample.trials
    while True:
        middle = 0.5 * (low + high)
        # Below 1e-300 a bound is as good as none.
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
    successes: ArrayLike, failures: ArrayLike, share: float, alpha: float
) -> NDArray[np.bool_]:
    """Whether ln e, rounded down, reaches ln(1/alpha) rounded up."""
    log_e = log_e_value(successes, failures, share) - log_e_slack(successes, failures, share)
    return np.asarray(log_e >= -math.log(alpha) * (1.0 + 2.0**-50))


def _terms(share: float) -> tuple[float, float, float]:
    """ln of the prior's mass above ``share``, ln share and ln(1 - share)."""
    return _log_tail(0.5, 0.5, share), float(np.log(share)), float(np.log1p(-share))


_known_terms = lru_cache(maxsize=4096)(_terms)


def _shows_one(
    won: int,
    lost: int,
    share: float,
    alpha: float,
    terms: Callable[[float], tuple[float, float, float]] = _known_terms,
) -> bool:
    """:func:`_shows` for one pair of counts, a tenth of the price: it is asked chunk by chunk."""
    prior, log_share, log_rest = terms(share)
    log_e = _log_tail(won + 0.5, lost + 0.5, share) - prior - won * log_share - lost * log_rest
    spread = float(special.gammaln(won + lost + 3.0)) - won * log_share - lost * log_rest
    slack = 2.0**-50 * (40.0 + spread)
    return log_e - slack >= -math.log(alpha) * (1.0 + 2.0**-50)


def _log_tail(a: float, b: float, x: float) -> float:
    """:func:`log_beta_tail` of three numbers."""
    chance = special.betaincc(a, b, x)
    if chance < DEEP:
        return float(log_beta_tail(a, b, x))
    return float(special.betaln(a, b) + np.log(chance))


def _arguments(
    successes: ArrayLike, failures: ArrayLike, share: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    won = np.asarray(successes, dtype=np.float64)
    lost = np.asarray(failures, dtype=np.float64)
    at = np.asarray(share, dtype=np.float64)
    for extreme in (at.min(initial=0.5), at.max(initial=0.5)):
        require_share(float(extreme))
    if not (np.all(won >= 0.0) and np.all(lost >= 0.0)):
        raise ConfigurationError("negative or NaN counts: expected successes >= 0, failures >= 0")
    return won, lost, at

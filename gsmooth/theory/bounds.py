"""Confidence bounds for a number of votes that was fixed in advance (S1, S3, S5, S7).

None of them may be looked at twice: counts that a stopping rule produced are a
:class:`gsmooth.theory.sequential.StreamedSample`, which :class:`FixedBound` does not take.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from scipy import special

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.arguments import (
    require_alpha,
    require_counts,
    require_probability,
    require_share,
)

# Relative distance by which a computed bound is moved outwards; the error of betaincinv is below
# a hundredth of it (tests/theory/test_bounds.py compares with 50-digit arithmetic).
OUTWARD: Final = 2.0**-40
# The largest float64 below 1: a bound of 1 would promise an infinite radius.
BELOW_ONE: Final = math.nextafter(1.0, 0.0)
MOST_VOTES: Final = 2**50


@final
@dataclass(frozen=True)
class FixedSample:
    """successes of trials votes, where trials was fixed before the first vote."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        require_counts(self.successes, self.trials)


@final
@dataclass(frozen=True)
class FixedBound:
    """Clopper-Pearson for exactly n votes at confidence 1 - alpha (S1)."""

    n: int
    alpha: float

    def __post_init__(self) -> None:
        require_counts(0, self.n)
        require_alpha(self.alpha)

    def lower(self, sample: FixedSample) -> float:
        """Lower confidence bound; ConfigurationError unless the sample has exactly n trials."""
        # The type alone stops a peeking loop; this stops it in code that is not type-checked too.
        if type(sample) is not FixedSample:
            raise ConfigurationError(
                f"{sample}: expected a FixedSample; counts that were looked at on the way need an "
                "EProcess"
            )
        if sample.trials != self.n:
            raise ConfigurationError(
                f"{sample}: expected exactly n={self.n} trials, as fixed in advance; use an "
                "EProcess to decide at another number"
            )
        return clopper_pearson_lower(sample.successes, sample.trials, self.alpha)


def clopper_pearson_lower(successes: int, trials: int, alpha: float) -> float:
    """One-sided lower bound: P(bound > p) <= alpha for every p, with ``trials`` fixed in advance.

    The p at which ``successes`` or more have probability alpha, moved down so that rounding can
    only lower it: 0 without successes, alpha^(1/trials) when all succeed. Source: S1.
    """
    require_counts(successes, trials)
    require_alpha(alpha)
    if successes == 0:
        return 0.0
    if successes == trials:
        return ceiling(trials, alpha)
    root = float(special.betaincinv(successes, trials - successes + 1, alpha))
    return root * (1.0 - OUTWARD)


def clopper_pearson_upper(successes: int, trials: int, alpha: float) -> float:
    """One-sided upper bound: P(bound < p) <= alpha for every p; rounding can only raise it (S1)."""
    require_counts(successes, trials)
    failing = clopper_pearson_lower(trials - successes, trials, alpha)
    return min(1.0, math.nextafter(1.0 - failing, 2.0))


def least_successes(share: float, trials: int, alpha: float) -> int | None:
    """Least count whose Clopper-Pearson lower bound exceeds ``share``; None if no count does.

    None for a share of 1 too, which an infinite margin asks for.
    """
    require_counts(0, trials)
    if share == 1.0:
        return None
    require_probability("share", share)
    return _least(lambda count: clopper_pearson_lower(count, trials, alpha) > share, trials)


def randomized_clopper_pearson_lower(successes: int, trials: int, alpha: float, u: float) -> float:
    """Lower bound that fails with probability exactly alpha: P(X > k) + u P(X = k) = alpha.

    ``u`` is one uniform draw in [0, 1], made and logged before the votes; u = 1 gives
    :func:`clopper_pearson_lower`. All successes with u <= alpha would give 1; every cap below 1 is
    sound, and the largest float below 1 is returned. Source: Voracek (2024), S7.
    """
    require_counts(successes, trials)
    require_alpha(alpha)
    if not 0.0 <= u <= 1.0:
        raise ConfigurationError(f"u={u!r}: expected one uniform draw in [0, 1]")
    low = clopper_pearson_lower(successes, trials, alpha)
    if successes == trials:
        if u <= alpha:
            return BELOW_ONE
        root = math.exp(math.log(alpha / u) / trials) * (1.0 - OUTWARD)
        return max(low, min(BELOW_ONE, root))
    high = clopper_pearson_lower(successes + 1, trials, alpha)
    for _ in range(64):
        middle = 0.5 * (low + high)
        if _randomized_tail(successes, trials, middle, u) <= alpha:
            low = middle
        else:
            high = middle
    return max(clopper_pearson_lower(successes, trials, alpha), low * (1.0 - OUTWARD))


@final
@dataclass(frozen=True)
class BinomialTest:
    """Answer of :func:`predict_test`: the two-sided p-value, rounded up, and its level."""

    p_value: float
    alpha: float

    @property
    def decided(self) -> bool:
        """True: return the top class. False: abstain. Wrong with probability <= alpha."""
        return self.p_value <= self.alpha


def predict_test(top: int, second: int, alpha: float) -> BinomialTest:
    """Two-sided binomial test that the two largest counts have equal chances (PREDICT).

    A tie, or no votes at all, has p-value 1. Source: Hung & Fithian (2019) and Cohen et al.
    (2019), S3.
    """
    require_alpha(alpha)
    if not 0 <= second <= top:
        raise ConfigurationError(
            f"top={top}, second={second}: expected 0 <= second <= top; sort the counts"
        )
    if top == second:
        return BinomialTest(1.0, alpha)
    tail = float(special.betainc(top, second + 1, 0.5))
    return BinomialTest(min(1.0, 2.0 * tail * (1.0 + OUTWARD)), alpha)


def ceiling(n: int, alpha: float) -> float:
    """alpha^(1/n), the lower bound that n unanimous votes give, rounded down (S5)."""
    require_counts(0, n)
    require_alpha(alpha)
    return math.exp(math.log(alpha) / n) * (1.0 - 2.0**-50)


def least_n_fixed(share: float, alpha: float) -> int:
    """Least n whose unanimous votes give a lower bound above ``share`` (S5).

    UnreachableError when no practical n (below 2^50) does, share 1 included.
    """
    require_share(share)
    require_alpha(alpha)
    least = _least(lambda n: n > 0 and ceiling(n, alpha) > share, MOST_VOTES)
    if least is None:
        raise UnreachableError(
            f"share={share!r} at alpha={alpha!r}: even {MOST_VOTES} unanimous votes fall short; "
            "ask for a smaller region or use more noise",
            None,
        )
    return least


def _randomized_tail(successes: int, trials: int, p: float, u: float) -> float:
    """P(X > successes) + u P(X = successes) for X ~ Bin(trials, p), successes < trials."""
    beyond = float(special.betainc(successes + 1, trials - successes, p))
    reached = float(special.betainc(successes, trials - successes + 1, p)) if successes else 1.0
    return (1.0 - u) * beyond + u * reached


def _least(holds: Callable[[int], bool], most: int) -> int | None:
    """Least k in 0..most with holds(k), for a predicate that stays true; None if there is none."""
    if not holds(most):
        return None
    low, high = -1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high

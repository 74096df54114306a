"""Confidence bounds for a number of votes that was fixed in advance (S1, S3, S5, S7).

S1: Clopper-Pearson bounds. S3: PREDICT's binomial test. S5: what unanimous votes can show at most.
S7: randomized bounds. Each bound may be used once. Counts that a stopping rule produced are a
:class:`gsmooth.theory.sequential.StreamedSample`, which :class:`FixedBound` does not accept.
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
    require_required_p,
)

# Relative distance by which a computed bound is moved outwards; the error of betaincinv is below
# a hundredth of it (tests/theory/test_bounds.py compares with 50-digit arithmetic).
OUTWARD: Final = 2.0**-40
# The largest float64 below 1: a bound of 1 would give an infinite radius.
BELOW_ONE: Final = math.nextafter(1.0, 0.0)
MOST_VOTES: Final = 2**50


@final
@dataclass(frozen=True)
class FixedSample:
    """Counts of votes whose number was fixed before the first vote.

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


@final
@dataclass(frozen=True)
class FixedBound:
    """Clopper-Pearson lower bound for exactly n votes at confidence 1 - alpha (S1).

    S1: the bound exceeds the true probability with probability at most alpha.

    Args:
        n: Number of votes, fixed in advance.
        alpha: Failure probability, in (0, 1/2].

    Raises:
        ConfigurationError: n is below 1, or alpha is outside (0, 1/2].

    Example:
        >>> bound = FixedBound(n=1000, alpha=0.001)
        >>> round(bound.lower(FixedSample(successes=990, trials=1000)), 4)
        0.976
    """

    n: int
    alpha: float

    def __post_init__(self) -> None:
        require_counts(0, self.n)
        require_alpha(self.alpha)

    def lower(self, sample: FixedSample) -> float:
        """Lower confidence bound for a sample.

        Args:
            sample: Counts of exactly n votes.

        Returns:
            The bound, in [0, 1).

        Raises:
            ConfigurationError: The sample was looked at on the way, or has another number of votes.
        """
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
    """One-sided lower confidence bound on a probability (S1).

    S1: P(bound > p) <= alpha for every p, if ``trials`` was fixed in advance. The bound is the p at
    which ``successes`` or more have probability alpha, moved down so that rounding can only lower
    it.

    Args:
        successes: Votes for the class, in 0..trials.
        trials: Votes in all.
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The bound, in [0, 1): 0 without successes, alpha^(1/trials) when all succeed.

    Raises:
        ConfigurationError: The counts are impossible, or alpha is outside (0, 1/2].

    Example:
        >>> round(clopper_pearson_lower(990, 1000, alpha=0.001), 4)
        0.976
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
    """One-sided upper confidence bound on a probability (S1).

    S1: P(bound < p) <= alpha for every p, if ``trials`` was fixed in advance. Rounding can only
    raise the bound.

    Args:
        successes: Votes for the class, in 0..trials.
        trials: Votes in all.
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The bound, in (0, 1].

    Raises:
        ConfigurationError: The counts are impossible, or alpha is outside (0, 1/2].

    Example:
        >>> round(clopper_pearson_upper(10, 1000, alpha=0.001), 4)
        0.024
    """
    require_counts(successes, trials)
    failing = clopper_pearson_lower(trials - successes, trials, alpha)
    return min(1.0, math.nextafter(1.0 - failing, 2.0))


def least_successes(required_p: float, trials: int, alpha: float) -> int | None:
    """Least number of successes whose Clopper-Pearson lower bound exceeds a probability (S1).

    Args:
        required_p: Required probability, in [0, 1]; 1 is what an infinite margin requires.
        trials: Votes in all.
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The number of successes; None if no number up to ``trials`` suffices, as for required_p 1.

    Raises:
        ConfigurationError: trials is below 1, or required_p or alpha is no probability.

    Example:
        >>> least_successes(0.95, 1000, alpha=0.001)
        971
    """
    require_counts(0, trials)
    if required_p == 1.0:
        return None
    require_probability("required_p", required_p)
    return _least(lambda count: clopper_pearson_lower(count, trials, alpha) > required_p, trials)


def randomized_clopper_pearson_lower(successes: int, trials: int, alpha: float, u: float) -> float:
    """Lower confidence bound that fails with probability exactly alpha (S7; Voracek 2024).

    S7: the bound is the p that solves P(X > successes) + u P(X = successes) = alpha. It is never
    below the Clopper-Pearson bound.

    Args:
        successes: Votes for the class, in 0..trials.
        trials: Votes in all, fixed in advance.
        alpha: Failure probability, in (0, 1/2].
        u: One uniform draw in [0, 1], made and logged before the votes; 1 gives
            :func:`clopper_pearson_lower`.

    Returns:
        The bound, in [0, 1). All successes with u <= alpha would give 1; the largest float below 1
        is returned instead, which is sound as every smaller bound is.

    Raises:
        ConfigurationError: The counts are impossible, or alpha or u is outside its range.

    Example:
        >>> round(randomized_clopper_pearson_lower(990, 1000, alpha=0.001, u=0.5), 4)
        0.9766
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
    """Answer of :func:`predict_test`.

    Args:
        p_value: Two-sided p-value, rounded up.
        alpha: Level of the test.
    """

    p_value: float
    alpha: float

    @property
    def decided(self) -> bool:
        """Whether to return the top class; it is wrong with probability <= alpha (S3)."""
        return self.p_value <= self.alpha


def predict_test(top: int, second: int, alpha: float) -> BinomialTest:
    """Two-sided binomial test that the two largest counts have equal chances (S3, PREDICT).

    S3: the top class is returned if the p-value is at most alpha, and is then another class than
    the smoothed classifier's with probability at most alpha. Source: Hung and Fithian (2019);
    Cohen et al. (2019).

    Args:
        top: Votes for the class with most votes.
        second: Votes for the next one, at most ``top``.
        alpha: Level of the test, in (0, 1/2].

    Returns:
        The p-value with the level. A tie, or no votes at all, has p-value 1.

    Raises:
        ConfigurationError: The counts are not sorted, or alpha is outside (0, 1/2].

    Example:
        >>> predict_test(60, 4, alpha=0.001).decided
        True
        >>> predict_test(34, 30, alpha=0.001).decided
        False
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
    """The lower bound that n unanimous votes give: alpha^(1/n), rounded down (S5).

    S5: no n votes show a larger probability than this.

    Args:
        n: Number of votes, at least 1.
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The bound, in (0, 1).

    Raises:
        ConfigurationError: n is below 1, or alpha is outside (0, 1/2].

    Example:
        >>> round(ceiling(100, alpha=0.001), 4)
        0.9333
    """
    require_counts(0, n)
    require_alpha(alpha)
    return math.exp(math.log(alpha) / n) * (1.0 - 2.0**-50)


def least_n_fixed(required_p: float, alpha: float) -> int:
    """Least number of votes, fixed in advance, that can show a probability (S5).

    S5: n unanimous votes show every probability below alpha^(1/n), and no other.

    Args:
        required_p: Required probability, in (0, 1).
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The least n whose unanimous votes give a lower bound above ``required_p``.

    Raises:
        UnreachableError: No n below 2^50 suffices, or required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or alpha is outside (0, 1/2].

    Example:
        >>> least_n_fixed(0.9, alpha=0.001)
        66
    """
    require_required_p(required_p)
    require_alpha(alpha)
    least = _least(lambda n: n > 0 and ceiling(n, alpha) > required_p, MOST_VOTES)
    if least is None:
        raise UnreachableError(
            f"required_p={required_p!r} at alpha={alpha!r}: even {MOST_VOTES} unanimous votes"
            " fall short; ask for a smaller region or use more noise",
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

"""Lower bounds on the robust accuracy of a population, from one vote an image (S10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_alpha
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.normal import ROUNDING, Floats, normal_cdf, normal_quantile
from gsmooth.theory.settings import THEORY


def kept(p: float, margin: float) -> float:
    """Least probability of a class at a distance: h_d(p) = Phi(Phi^-1(p) - d), rounded down (T4).

    T4, T7: where a class has probability p at the centre of a ball of margin d, it has at least
    h_d(p) in all of the ball.

    Args:
        p: Probability at the centre, in [0, 1].
        margin: d, at least 0.

    Example:
        >>> round(kept(0.95, 1.0), 3)
        0.74
    """
    if p <= 0.0:
        return 0.0
    return float(normal_cdf(normal_quantile(p) - margin)) * (1.0 - ROUNDING)


def tangent(margin: ArrayLike, p: float, variation: float = 0.0) -> tuple[Floats, Floats]:
    """Intercept a and slope b of the tangent of h_d at p: h_d(q) >= a + b q for every q (S10).

    S10: h_d is convex, so a + b V with a vote V is below the probability at every attacked image,
    on average over V. Float noise is paid for with (1 + b) tau.

    Args:
        margin: d of each image, (...,), at least 0.
        p: Where the tangent touches, in (0, 1).
        variation: tau, the total variation between float and real noise (F1).

    Returns:
        a and b, (...,) each; a is rounded down.

    Example:
        >>> a, b = tangent(0.5, p=0.9)
        >>> round(float(a), 4), round(float(b), 4)
        (-0.7247, 1.6749)
    """
    d, quantile = np.asarray(margin, dtype=np.float64), float(normal_quantile(p))
    slope = np.exp(d * quantile - 0.5 * np.square(d))
    intercept = normal_cdf(quantile - d) - slope * float(normal_cdf(quantile))
    spent = (variation + 8.0 * ROUNDING) * (1.0 + slope)
    return np.asarray(intercept - spent), np.asarray(slope)


def log_capital(
    values: ArrayLike, mean: float, alpha: float, counts: ArrayLike | None = None
) -> Floats:
    """Logarithm of the capital of bets that the mean of values in [0, 1] is above ``mean`` (S10).

    S10: a bet of size l multiplies the capital by 1 + l (value - mean) for every value. If the true
    mean is at most ``mean``, no factor is above 1 on average, so the capital reaches 1 / alpha with
    probability at most alpha. The capital here is the mean over bets of fixed sizes, which are
    best for different variances. It falls as ``mean`` grows, and it does not depend on the order
    of the values: a data set that is sorted by class may be bet on.

    Args:
        values: Values in [0, 1], (k,).
        mean: Hypothetical mean, in (0, 1].
        alpha: Level that the bets are sized for.
        counts: How often each value was seen, (..., k), equally many in all; by default once.

    Returns:
        The logarithm of the capital, (...,).
    """
    given, settings = np.asarray(values, dtype=np.float64), THEORY.population
    repeats = np.ones(len(given)) if counts is None else np.asarray(counts, dtype=np.float64)
    total = float(repeats.sum(axis=-1).max())
    deviations = np.geomspace(*settings.deviations, settings.bets)
    sizes = np.sqrt(-2.0 * math.log(alpha) / total) / deviations
    sizes = np.minimum(sizes, settings.most_staked / mean)
    each = repeats @ np.log1p((given - mean)[:, None] * sizes)
    top = each.max(axis=-1)
    return np.asarray(top + np.log(np.exp(each - top[..., None]).mean(axis=-1)))


def bounded_mean_lower(values: ArrayLike, alpha: float) -> float:
    """Lower confidence bound on the mean of independent values in [0, 1], by betting (S10).

    S10: P(bound > mean) <= alpha for every distribution on [0, 1] (Waudby-Smith and Ramdas 2024).
    The bound is the least mean at which bets that it is larger do not multiply their capital by
    1 / alpha. Rounding can only lower it.

    Args:
        values: Independent draws, (n,), in [0, 1].
        alpha: Failure probability, in (0, 1/2].

    Returns:
        The bound, in [0, 1).

    Raises:
        ConfigurationError: There is no value, one is outside of [0, 1], or alpha is out of range.

    Example:
        >>> round(bounded_mean_lower([1.0] * 950 + [0.0] * 50, alpha=0.001), 2)
        0.92
    """
    require_alpha(alpha)
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not ((given >= 0.0) & (given <= 1.0)).all():
        raise ConfigurationError("values: expected at least one number, all of them in [0, 1]")
    distinct, counts = np.unique(given, return_counts=True)
    # The capital falls as the mean grows, so what is rejected is an interval that begins at 0.
    goal = -math.log(alpha) + THEORY.population.slack
    low, high = 0.0, 1.0
    for _ in range(THEORY.population.halvings):
        middle = (low + high) / 2
        reached = float(log_capital(distinct, middle, alpha, counts)) >= goal
        low, high = (middle, high) if reached else (low, middle)
    return low


@final
@dataclass(frozen=True)
class PopulationBound:
    """How votes become a bound on robust accuracy (S10). Chosen before the votes.

    Args:
        method: "betting": each image counts by the tangent at its own margin. "clopper-pearson":
            images count as if they all had the largest margin; as good as exact where margins
            hardly differ.
        typical_p: "betting": where the tangents touch, in (1/2, 1): about the share of votes for
            the true class that is expected. Any value is sound.
        max_margin: Images with a larger margin count as not robust. With "betting" it is at most
            Phi^-1(typical_p), where the tangent passes 1/2.
        variation: tau, the total variation between float and real noise that is paid for (F1).

    Raises:
        ConfigurationError: A value is out of range.

    Example:
        >>> bound = PopulationBound("clopper-pearson", max_margin=0.5)
        >>> round(bound.lower([0.5] * 1000, [True] * 980 + [False] * 20, alpha=0.001), 3)
        0.899
    """

    method: Literal["betting", "clopper-pearson"] = "betting"
    typical_p: float = 0.95
    max_margin: float = 1.0
    variation: float = 2.0**-20

    def __post_init__(self) -> None:
        if self.method not in ("betting", "clopper-pearson"):
            raise ConfigurationError(
                f"population: bound={self.method!r}; expected 'betting' or 'clopper-pearson'"
            )
        if not 0.5 < self.typical_p < 1.0:
            raise ConfigurationError(
                f"population: typical_p={self.typical_p} must lie between 0.5 and 1: about the"
                " share of votes for the true class, such as 0.95"
            )
        most = self.largest_margin(self.typical_p) if self.method == "betting" else math.inf
        if not 0.0 <= self.max_margin <= most or math.isinf(self.max_margin):
            raise ConfigurationError(
                f"population: max_margin={self.max_margin:g} must lie in 0..{most:.4g}"
                + (
                    f", Phi^-1 of typical_p={self.typical_p:g}; give a larger typical_p or leave"
                    " max_margin out"
                    if self.method == "betting"
                    else " and be finite"
                )
            )

    @staticmethod
    def largest_margin(typical_p: float) -> float:
        """The largest ``max_margin`` of "betting": Phi^-1(typical_p), where h_d(p) is 1/2."""
        return float(normal_quantile(typical_p))

    def values(self, margins: ArrayLike, right: ArrayLike) -> Floats:
        """What each image adds to the estimate, (n,): a + b V, and 0 beyond the largest margin.

        Args:
            margins: d of each image, (n,); inf where none is proved.
            right: Whether the vote is the true class, (n,).
        """
        found, votes = np.asarray(margins, dtype=np.float64), np.asarray(right, dtype=np.float64)
        held = found <= self.max_margin
        a, b = tangent(np.where(held, found, 0.0), self.typical_p, self.variation)
        return np.asarray(np.where(held, a + b * votes, 0.0))

    @property
    def least_value(self) -> float:
        """The least that an image can add: a falls with d up to Phi^-1(typical_p)."""
        return float(tangent(self.max_margin, self.typical_p, self.variation)[0])

    def lower(self, margins: ArrayLike, right: ArrayLike, alpha: float) -> float:
        """Lower confidence bound on the robust accuracy of the population (S10).

        S10: it is above the robust accuracy of the classifier of one fresh vote with probability at
        most alpha, over independent draws of images and votes.

        Args:
            margins: d of each image, (n,); inf where none is proved.
            right: Whether the vote is the true class, (n,).
            alpha: Failure probability, in (0, 1/2].
        """
        if self.method == "clopper-pearson":
            hits = (np.asarray(margins, dtype=np.float64) <= self.max_margin) & np.asarray(right)
            p_lower = clopper_pearson_lower(int(hits.sum()), len(hits), alpha)
            return max(0.0, kept(p_lower - self.variation, self.max_margin) - self.variation)
        low = min(self.least_value, 0.0) - THEORY.population.slack
        unit = np.clip((self.values(margins, right) - low) / (1.0 - low), 0.0, 1.0)
        mean = low + (1.0 - low) * bounded_mean_lower(unit, alpha)
        return max(0.0, mean - THEORY.population.slack * (1.0 - low))

    def estimate(self, margins: ArrayLike, right: ArrayLike) -> float:
        """The estimate that the bound is below: no statement holds for it with confidence."""
        if self.method == "clopper-pearson":
            hits = (np.asarray(margins, dtype=np.float64) <= self.max_margin) & np.asarray(right)
            return kept(float(hits.mean()), self.max_margin)
        return float(self.values(margins, right).mean())

"""The runner-up: is one class ahead of another by more than what an attack can make up for? (S9)

S9: votes are of three kinds, for class A, for class c and the rest. At a centre of margin d an
attacked point may have c ahead of A only if Phi^-1(p_A) - Phi^-1(p_c) <= 2 d at the centre. The
e-value against this is a mixture of likelihoods over their supremum under it. It asks for less than
"p_A > Phi(d)" where the other votes are spread over several classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from scipy import special

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_finite, require_probability
from gsmooth.theory.settings import THEORY

_LOG_HEIGHT: Final = -0.5 * math.log(2.0 * math.pi)
"""ln of the normal density at 0."""
_ROUNDING: Final = 2.0**-44
"""Relative error allowed to a computed ln Phi and to what is summed of it; it is below 2^-48."""
_LOWEST: Final = -64.0
"""Phi is 0 in float64 below it: a search that arrives here is given up, with e = 0."""


@final
@dataclass(frozen=True)
class ThreeCells:
    """Votes for class A, for one other class, and the rest: other classes and ties.

    Args:
        won: Votes for A.
        second: Votes for the other class.
        rest: All others.

    Raises:
        ConfigurationError: A number is negative.
    """

    won: int
    second: int
    rest: int

    def __post_init__(self) -> None:
        if min(self.won, self.second, self.rest) < 0:
            raise ConfigurationError(f"{self}: expected numbers of votes, at least 0")

    @property
    def trials(self) -> int:
        """Votes in all."""
        return self.won + self.second + self.rest


@final
@dataclass(frozen=True)
class RunnerUpNull:
    """The hypothesis that the other class may catch up within a ball (S9).

    S9: with kappa = ``variation`` + ``rho0`` it is the set of all (p_A, p_c) with Phi(Phi^-1(p_A -
    variation) - margin) - kappa <= Phi(Phi^-1(p_c + variation) + margin) + kappa. On its boundary
    p_c = Phi(a - d) - variation and p_A = variation + Phi(d + Phi^-1(Phi(a) + 2 kappa)), d =
    margin.

    Args:
        margin: Distance d from the centre to the edge of the ball, in standard deviations, float
            errors of the action included.
        variation: Total variation tau between float and real noise (F1), paid at the centre and at
            the attacked point.
        rho0: Probability that the bound on the residual fails.

    Raises:
        ConfigurationError: A number is negative or not finite.
    """

    margin: float
    variation: float = 0.0
    rho0: float = 0.0

    def __post_init__(self) -> None:
        require_finite("margin", self.margin, positive=False)
        require_probability("variation", self.variation)
        require_probability("rho0", self.rho0)

    def log_e(self, votes: ThreeCells) -> float:
        """Logarithm of the e-value against the hypothesis, rounded down.

        S9: under every (p_A, p_c) of the hypothesis it ever reaches 1/alpha with probability at
        most alpha, at all looks together: the likelihood of the truth is at most the supremum, and
        a mixture of likelihoods over that of the truth is a martingale from 1. The mixture is that
        of a Dirichlet law.

        Args:
            votes: The votes so far.

        Returns:
            ln e; -inf where the empirical point (N_A / n, N_c / n) belongs to the hypothesis, so
            that e is at most 1.

        Example:
            >>> null = RunnerUpNull(margin=0.8)
            >>> null.log_e(ThreeCells(won=700, second=50, rest=250)) > 6.9
            True
            >>> null.log_e(ThreeCells(won=700, second=300, rest=0))
            -inf
        """
        if not self.excludes(votes):
            return -math.inf
        return log_mixture(votes) - self.log_supremum(votes)

    def log_e_of_opposite(self, votes: ThreeCells) -> float:
        """Logarithm of the e-value against "the other class cannot catch up"; for futility alone.

        The supremum is attained on the same boundary, seen from its other side.

        Args:
            votes: The votes so far.

        Returns:
            ln e; -inf where the empirical point does not belong to the hypothesis.
        """
        if votes.trials == 0 or self.excludes(votes):
            return -math.inf
        return log_mixture(votes) - self.log_supremum(votes)

    def excludes(self, votes: ThreeCells) -> bool:
        """Whether the empirical point lies outside of the hypothesis, by more than rounding.

        Args:
            votes: The votes so far.
        """
        if votes.won == 0:
            return False
        second = min(1.0, votes.second / votes.trials + self.variation)
        level = self.margin + float(special.ndtri(second))
        return self._highest(level) < votes.won / votes.trials

    def log_supremum(self, votes: ThreeCells) -> float:
        """ln of the largest likelihood on the boundary, rounded up; at most 0.

        S9: on the boundary p_c <= Phi(a - d), p_rest <= 1 - Phi(a + d) - Phi(a - d) and p_A <= (1 +
        eps) Phi(a + d) for a >= a_low. The product of the three bounds is log-concave in a, so a
        tangent bounds it from anywhere: its value and |slope| times the width. Below a_low, p_A and
        p_c are at most what they are there.

        Args:
            votes: The votes so far, at least one of them for A.
        """
        curve = _Curve(votes, self.margin)
        top = curve.near_top()
        if top is None:
            return 0.0
        value, step = curve.value(top), 0.5
        while self._crude(votes, top - step) > value:
            step *= 2.0
            if top - step < _LOWEST:
                return 0.0
        low = top - step
        bound = value + curve.rounding(top) - low * curve.steepness(top)
        stretched = votes.won * math.log1p(self._stretch(low))
        return min(0.0, max(bound + stretched, self._crude(votes, low)))

    def _highest(self, level: float) -> float:
        """p_A on the boundary at a = ``level``, rounded up; 1 where every p_A belongs to it."""
        raised = float(special.ndtr(level)) + 2.0 * (self.variation + self.rho0)
        if raised >= 1.0:
            return 1.0
        found = float(special.ndtr(self.margin + float(special.ndtri(raised))))
        return min(1.0, (self.variation + found) * (1.0 + 2.0**-36))

    def _crude(self, votes: ThreeCells, level: float) -> float:
        """A bound on the logarithm of the likelihood for every a <= ``level``."""
        second = votes.second * float(special.log_ndtr(level - self.margin))
        most = self._highest(level)
        won = votes.won * math.log(most) if most > 0.0 else -math.inf
        return won + second * (1.0 - _ROUNDING)

    def _stretch(self, low: float) -> float:
        """eps with p_A <= (1 + eps) Phi(a + d) for every a in [low, 0].

        G(y) = Phi(Phi^-1(y) + d) is concave with slope exp(-d a - d^2 / 2) at y = Phi(a), so p_A -
        Phi(a + d) is at most tau + 2 kappa times this slope; and that over Phi(a + d) falls with a.
        """
        kappa, d = self.variation + self.rho0, self.margin
        if kappa == 0.0:
            return 0.0
        added = self.variation + 2.0 * kappa * math.exp(min(700.0, -d * low - 0.5 * d * d))
        share = float(special.ndtr(low + d))
        return math.inf if share == 0.0 else added / share * (1.0 + 2.0**-40)


def log_mixture(votes: ThreeCells) -> float:
    """ln of the likelihood mixed over the Dirichlet law of the settings, rounded down.

    Args:
        votes: The votes so far.

    Returns:
        The logarithm.

    Example:
        >>> round(log_mixture(ThreeCells(won=1, second=0, rest=0)), 4)  # ln(1/2)
        -0.6931
    """
    prior = THEORY.runner_up.prior
    counts = (votes.won, votes.second, votes.rest)
    parts = [float(special.gammaln(n + a)) for n, a in zip(counts, prior, strict=True)]
    parts += [-float(special.gammaln(a)) for a in prior]
    parts += [float(special.gammaln(sum(prior)))]
    parts += [-float(special.gammaln(votes.trials + sum(prior)))]
    return math.fsum(parts) - 2.0**-48 * (1.0 + sum(map(abs, parts)))


@final
@dataclass(frozen=True)
class _Curve:
    """ln of p_A^N_A p_c^N_c p_rest^N_rest at p_A = Phi(a + d), p_c = Phi(a - d), concave in a <= 0.

    Every factor is log-concave: Phi is, and p_rest = P(a < X + d < -a), X normal, is by Prekopa's
    theorem. Where a > 0 the three would exceed 1.
    """

    votes: ThreeCells
    d: float

    def value(self, a: float) -> float:
        """The logarithm of the likelihood."""
        votes, d = self.votes, self.d
        found = votes.won * _log_phi(a + d) + votes.second * _log_phi(a - d)
        return found + votes.rest * self._log_rest(a) if votes.rest else found

    def slope(self, a: float) -> float:
        """Its derivative, decreasing in a."""
        up, down, left = self._slopes(a)
        return up + down - left

    def steepness(self, a: float) -> float:
        """A bound on the absolute value of the derivative; 0 at the end a = 0."""
        up, down, left = self._slopes(a) if a < 0.0 else (0.0, 0.0, 0.0)
        return abs(up + down - left) + 2.0**-36 * (up + down + left)

    def rounding(self, a: float) -> float:
        """A bound on the rounding error of :meth:`value`."""
        votes, d = self.votes, self.d
        size = votes.won * abs(_log_phi(a + d)) + votes.second * abs(_log_phi(a - d))
        if votes.rest:
            high, low = _log_phi(-a - d), _log_phi(a - d)
            blown_up = 1.0 + 1.0 / math.expm1(min(700.0, high - low))
            size += votes.rest * (1.0 + (abs(high) + abs(low)) * blown_up)
        return _ROUNDING * (1.0 + size)

    def near_top(self) -> float | None:
        """A point at which the derivative is nearly 0: any point gives a bound, this a close one.

        Without a rest the likelihood grows up to a = 0. None where nothing is found.
        """
        if not self.votes.rest:
            return 0.0
        low, high = -1.0, -(2.0**-40)
        while self.slope(low) <= 0.0:
            low *= 2.0
            if low < _LOWEST:
                return None
        if self.slope(high) >= 0.0:
            return high
        return _zero(self.slope, low, high)

    def _slopes(self, a: float) -> tuple[float, float, float]:
        """The parts of the derivative that belong to A, to the other class and to the rest."""
        votes, d = self.votes, self.d
        up = votes.won * math.exp(_log_density(a + d) - _log_phi(a + d))
        down = votes.second * math.exp(_log_density(a - d) - _log_phi(a - d))
        if not votes.rest:
            return up, down, 0.0
        rest = self._log_rest(a)
        ends = math.exp(_log_density(-a - d) - rest) + math.exp(_log_density(a - d) - rest)
        return up, down, votes.rest * ends

    def _log_rest(self, a: float) -> float:
        """ln(1 - Phi(a + d) - Phi(a - d)), a < 0."""
        high, low = _log_phi(-a - self.d), _log_phi(a - self.d)
        return high + math.log(-math.expm1(low - high))


def _zero(slope: Callable[[float], float], low: float, high: float) -> float:
    """About the zero of a decreasing function, positive at low and negative at high (Illinois)."""
    at_low, at_high, kept, middle = slope(low), slope(high), 0, low
    for _ in range(100):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < middle < high or high - low < 2.0**-36:
            break
        found = slope(middle)
        if found > 0.0:
            low, at_low = middle, found
            at_high, kept = (0.5 * at_high if kept > 0 else at_high), 1
        else:
            high, at_high = middle, found
            at_low, kept = (0.5 * at_low if kept < 0 else at_low), -1
        if abs(found) < 1e-6:
            break
    return min(max(middle, low), high)


def _log_phi(x: float) -> float:
    return float(special.log_ndtr(x))


def _log_density(x: float) -> float:
    return _LOG_HEIGHT - 0.5 * x * x

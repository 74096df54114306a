"""How many votes a centre will cost: a model for planning covers, never a bound.

Nothing that is certified depends on it. A cover that was planned with a wrong forecast needs more
votes than it could, or abstains; what it certifies is decided by the votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_alpha
from gsmooth.theory.normal import Floats, normal_cdf, normal_quantile
from gsmooth.theory.sequential import log_e_value

# The table's grid in margins Phi^-1(share) and Phi^-1(p); beyond it the ends are used.
STEP: Final = 0.04
SHARES: Final = (0.0, 5.0)
VOTES: Final = (-1.0, 6.0)
# Looks are taken one by one up to here, then ever farther apart: ``most`` may be large.
DENSE: Final = 12
APART: Final = 1.08


def expected_votes(
    share: ArrayLike, p: ArrayLike, alpha: float, *, chunk: int = 64, most: int = 5000
) -> Floats:
    """Forecast of the votes by which the e-process of S6 accepts "p > share".

    share and p broadcast; a vote is a success with probability p, and the test looks after every
    ``chunk``. The forecast is E[min(T, most)] + u^2 most (1 + gap): T the votes until acceptance, u
    the probability that ``most`` do not suffice, gap = max(0, Phi^-1(share) - Phi^-1(p)). So what
    cannot be decided costs more than ``most`` and the more so the more hopeless it is, which lets
    a plan prefer the lesser evil; inf from share 1 upwards. Increasing in share, decreasing in p.

    A model: P(T > n) is taken for P(not accepted *at* n), and the binomial law for normal in its
    signed root deviance. Within 20% or half a chunk of the exact dynamic program where acceptance
    is likely (tests/theory/test_foresight.py).
    """
    require_alpha(alpha)
    if chunk < 1 or most < chunk:
        raise ConfigurationError(f"chunk={chunk}, most={most}: expected 1 <= chunk <= most")
    asked, given = np.asarray(share, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if np.isnan(asked).any() or not np.all((given >= 0.0) & (given <= 1.0)):
        raise ConfigurationError("share or p is no probability: expected shares and p in [0, 1]")
    below = np.clip(asked, 0.0, 1.0)
    # Ends of float64's own resolution keep the gap finite, and comparable, for p = 0.
    rho = np.clip(normal_quantile(below), -9.0, 9.0)
    margin = np.clip(normal_quantile(given), -9.0, 9.0)
    votes, undecided = _table(alpha, chunk, most).at(rho, margin)
    penalty = undecided**2 * most * (1.0 + np.maximum(0.0, rho - margin))
    return np.asarray(np.where(asked < 1.0, votes + penalty, np.inf))


@final
@dataclass(frozen=True)
class _Table:
    """E[min(T, most)] (in logarithms) and P(T > most) on the grid of (share, p) margins."""

    log_votes: Floats
    undecided: Floats

    def at(self, rho: Floats, margin: Floats) -> tuple[Floats, Floats]:
        """Both by bilinear interpolation, which keeps a table's monotonicity."""
        row, down = _place(rho, SHARES, len(self.undecided))
        column, right = _place(margin, VOTES, self.undecided.shape[1])
        corner = row * self.undecided.shape[1] + column
        found = [
            _blend(table.ravel(), corner, self.undecided.shape[1], down, right)
            for table in (self.log_votes, self.undecided)
        ]
        return np.exp(found[0]), found[1]


def _place(
    value: Floats, ends: tuple[float, float], points: int
) -> tuple[NDArray[np.int64], Floats]:
    """Index of the grid point below each value, and how far towards the next it lies."""
    along = np.clip((value - ends[0]) / STEP, 0.0, points - 1.0)
    index = np.minimum(along.astype(np.int64), points - 2)
    return index, along - index


def _blend(
    flat: Floats, corner: NDArray[np.int64], width: int, down: Floats, right: Floats
) -> Floats:
    above = flat[corner] + right * (flat[corner + 1] - flat[corner])
    under = flat[corner + width] + right * (flat[corner + width + 1] - flat[corner + width])
    return np.asarray(above + down * (under - above))


@lru_cache(maxsize=16)
def _table(alpha: float, chunk: int, most: int) -> _Table:
    looks = _looks(most // chunk) * chunk
    chances = normal_cdf(_axis(VOTES))
    log_p, log_q = np.log(chances), np.log(normal_cdf(-_axis(VOTES)))
    # Votes spent from each look to the next one: what not being accepted yet costs.
    until_next = np.diff(np.append(looks, looks[-1])).astype(np.float64)
    votes, undecided = [], []
    for least in _boundaries(normal_cdf(_axis(SHARES)), looks, alpha):
        running = _running(least, looks, log_p, log_q)
        votes.append(chunk + until_next @ running)
        undecided.append(running[-1])
    return _Table(np.log(np.array(votes)), np.array(undecided))


def _boundaries(shares: Floats, looks: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """Least accepting successes for every (share, look); looks + 1 where there are none."""
    at = shares[:, None]
    low, high = np.broadcast_arrays(np.floor(at * looks) - 1.0, looks + 1.0)
    while np.any(high - low > 1.0):
        middle = np.minimum(np.floor((low + high) / 2.0), looks)
        won = np.maximum(middle, 0.0)
        shown = log_e_value(won, looks - won, at) >= -np.log(alpha)
        open_ = high - low > 1.0
        high = np.where(open_ & shown, middle, high)
        low = np.where(open_ & ~shown, middle, low)
    return np.asarray(high, dtype=np.int64)


def _running(
    least: NDArray[np.int64], looks: NDArray[np.int64], log_p: Floats, log_q: Floats
) -> Floats:
    """P(fewer than ``least`` successes) at every look, and never more than at an earlier one.

    (looks, p). From the signed root of twice the deviance at the boundary less half a vote.
    """
    won = least[:, None] - 0.5
    lost = looks[:, None] + 0.5 - least[:, None]
    total = looks[:, None]
    lost = np.maximum(lost, 0.0)
    entropy = special.xlogy(won, won / total) + special.xlogy(lost, lost / total)
    deviance = np.maximum(entropy - won * log_p - lost * log_q, 0.0)
    sign = np.sign(np.log(won / total) - log_p)
    chance = normal_cdf(sign * np.sqrt(2.0 * deviance))
    chance = np.where(least[:, None] > total, 1.0, chance)
    return np.asarray(np.minimum.accumulate(chance, axis=0))


def _looks(count: int) -> NDArray[np.int64]:
    """Numbers of chunks at which to look, ascending to ``count``."""
    found = list(range(1, min(count, DENSE) + 1))
    while found[-1] < count:
        found.append(min(count, round(found[-1] * APART)))
    return np.array(found, dtype=np.int64)


def _axis(ends: tuple[float, float]) -> Floats:
    return np.asarray(ends[0] + STEP * np.arange(round((ends[1] - ends[0]) / STEP) + 1))

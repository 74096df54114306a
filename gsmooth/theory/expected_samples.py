"""How many votes a centre is expected to need: a model for planning covers, never a bound.

No certificate depends on it. A cover that was planned with a wrong forecast needs more votes, or
abstains; the votes alone decide what is certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_alpha
from gsmooth.theory.e_value import log_e_value
from gsmooth.theory.normal import Floats, normal_cdf, normal_quantile
from gsmooth.theory.settings import THEORY


def expected_votes(
    required_p: ArrayLike, p: ArrayLike, alpha: float, *, most: int = 5000
) -> Floats:
    """Forecast of the votes by which the e-process of S6 accepts "p > required_p".

    S6: the e-process may be looked at after every vote. The forecast is E[min(T, most)] + u^2 most
    (1 + gap), where T is the number of votes until acceptance, u the probability that ``most``
    votes do not suffice, and gap = max(0, Phi^-1(required_p) - Phi^-1(p)). What cannot be decided
    costs more than ``most``, and the more the larger the gap is, so a plan can prefer the centre
    that is closer to being decided. The forecast increases in required_p and decreases in p.

    It is exact on the table's grid for acceptance with few failures. Beyond, P(T > n) is
    taken for P(not accepted *at* n), and the binomial law for normal in its signed root deviance.
    tests/theory/test_foresight.py compares it with the exact dynamic program.

    Args:
        required_p: Required probabilities; broadcast with ``p``.
        p: Probabilities that a vote is a success, in [0, 1].
        alpha: Level of the test, in (0, 1/2].
        most: Most votes that a centre may cost.

    Returns:
        Expected votes, in the broadcast shape; inf where required_p >= 1.

    Raises:
        ConfigurationError: An argument is no probability, or ``most`` is below 1.

    Example:
        >>> expected_votes([0.774, 0.9], 0.95, alpha=0.001).round().tolist()
        [64.0, 525.0]
    """
    require_alpha(alpha)
    if most < 1:
        raise ConfigurationError(f"most={most}: expected at least one vote")
    asked, given = np.asarray(required_p, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if np.isnan(asked).any() or not np.all((given >= 0.0) & (given <= 1.0)):
        raise ConfigurationError(
            "required_p or p is not a probability: expected p in [0, 1] and no NaN"
        )
    below = np.clip(asked, 0.0, 1.0)
    # Ends of float64's own resolution keep the gap finite, and comparable, for p = 0.
    rho = np.clip(normal_quantile(below), -9.0, 9.0)
    margin = np.clip(normal_quantile(given), -9.0, 9.0)
    votes, undecided = _table(alpha, most).at(rho, margin)
    penalty = undecided**2 * most * (1.0 + np.maximum(0.0, rho - margin))
    return np.asarray(np.where(asked < 1.0, votes + penalty, np.inf))


@final
@dataclass(frozen=True)
class _Table:
    """E[min(T, most)] (in logarithms) and P(T > most) on the grid of (required_p, p) margins."""

    log_votes: Floats
    undecided: Floats

    def at(self, rho: Floats, margin: Floats) -> tuple[Floats, Floats]:
        """Both by bilinear interpolation, which keeps a table's monotonicity."""
        row, down = _place(rho, THEORY.table.required_p, len(self.undecided))
        column, right = _place(margin, THEORY.table.p, self.undecided.shape[1])
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
    along = np.clip((value - ends[0]) / THEORY.table.step, 0.0, points - 1.0)
    index = np.minimum(along.astype(np.int64), points - 2)
    return index, along - index


def _blend(
    flat: Floats, corner: NDArray[np.int64], width: int, down: Floats, right: Floats
) -> Floats:
    above = flat[corner] + right * (flat[corner + 1] - flat[corner])
    under = flat[corner + width] + right * (flat[corner + width + 1] - flat[corner + width])
    return np.asarray(above + down * (under - above))


@lru_cache(maxsize=16)
def _table(alpha: float, most: int) -> _Table:
    margins = _axis(THEORY.table.p)
    required, chances = normal_cdf(_axis(THEORY.table.required_p)), normal_cdf(margins)
    log_p, log_q = np.log(chances), np.log(normal_cdf(-margins))
    ends = _ends(required, alpha, most)
    spent, alive = _followed(ends, chances, most)
    votes, undecided = [], []
    for row, required_p in enumerate(required):
        tail = alive[row]
        if (last := int(ends[row, -1])) < most:
            looks = _looks(last, most)
            running = _running(_boundary(required_p, looks, alpha), looks, log_p, log_q)
            running = np.minimum(running, tail)
            # Not accepted at a look: the votes up to the next one are cast.
            before = np.concatenate([tail[None], running[:-1]])
            spent[row] += np.diff(looks, prepend=last).astype(np.float64) @ before
            tail = running[-1]
        votes.append(spent[row])
        undecided.append(tail)
    return _Table(np.log(np.array(votes)), np.array(undecided))


def _ends(required: Floats, alpha: float, most: int) -> NDArray[np.int64]:
    """Least votes that are accepted with 0, 1, ... failures among them, (required, f).

    most + 1 where more would be needed.
    """
    at = required[:, None]
    most_failures = THEORY.table.exact_failures
    lost = np.broadcast_to(np.arange(most_failures + 1.0), (len(required), most_failures + 1))
    low = lost.copy()
    high = np.full_like(low, most + 1.0)
    while np.any(open_ := high - low > 1.0):
        middle = np.maximum(np.floor((low + high) / 2.0), lost)
        shown = log_e_value(middle - lost, lost, at) >= -np.log(alpha)
        high = np.where(open_ & shown, middle, high)
        low = np.where(open_ & ~shown, middle, low)
    return np.asarray(high, dtype=np.int64)


def _followed(ends: NDArray[np.int64], p: Floats, most: int) -> tuple[Floats, Floats]:
    """E[min(T, last)] and P(T > last), (required, p), where last = min(ends[:, -1], most).

    Exact: a run that has f failures at ends[:, f] is accepted just then, because a run with fewer
    failures was accepted before.
    """
    # alive[j]: not accepted yet, with j failures. More of them are left out: they cannot be
    # accepted with fewer.
    most_failures = THEORY.table.exact_failures
    alive = np.zeros((most_failures + 1, len(ends), len(p)))
    alive[0] = 1.0
    waiting = np.ones((len(ends), len(p)))
    spent = np.zeros_like(waiting)
    now = np.zeros(len(ends), dtype=np.int64)
    for f in range(most_failures + 1):
        step = np.minimum(ends[:, f], most) - now
        spent += waiting * step[:, None]
        gained = _failures(step, p, most_failures + 1 - f)
        for j in range(most_failures, f - 1, -1):
            alive[j] = sum(alive[i] * gained[j - i] for i in range(f, j + 1))
        accepted = np.where((ends[:, f] <= most)[:, None], alive[f], 0.0)
        waiting -= accepted
        now += step
    return spent, np.maximum(waiting, 0.0)


def _failures(votes: NDArray[np.int64], p: Floats, count: int) -> list[Floats]:
    """P(k failures among votes (required,)) for k = 0 .. count - 1: arrays (required, p)."""
    total = votes[:, None].astype(np.float64)
    chances = [p**total]
    for k in range(1, count):
        chances.append(chances[-1] * (total - k + 1.0) / k * (1.0 - p) / p)
    return [np.maximum(chance, 0.0) for chance in chances]


def _boundary(required_p: float, looks: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """Least accepting successes at every look; looks + 1 where there are none."""
    low, high = np.floor(required_p * looks) - 1.0, looks + 1.0
    while np.any(high - low > 1.0):
        middle = np.minimum(np.floor((low + high) / 2.0), looks)
        won = np.maximum(middle, 0.0)
        shown = log_e_value(won, looks - won, required_p) >= -np.log(alpha)
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


def _looks(last: int, most: int) -> NDArray[np.int64]:
    """Numbers of votes, ascending from above ``last`` to ``most``."""
    found = [last]
    while found[-1] < most:
        found.append(min(most, max(found[-1] + 1, round(found[-1] * THEORY.table.look_growth))))
    return np.array(found[1:], dtype=np.int64)


def _axis(ends: tuple[float, float]) -> Floats:
    step = THEORY.table.step
    return np.asarray(ends[0] + step * np.arange(round((ends[1] - ends[0]) / step) + 1))

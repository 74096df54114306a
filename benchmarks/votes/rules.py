"""Cells (a chance, a share, a level), and rules that accept "p > share" from the counts alone.

A rule is a boundary in successes. Level alpha is that of wrongly accepting, as for ours. None but
the oracle is given p.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from gsmooth.theory.bounds import least_successes
from gsmooth.theory.exact import Decision, StoppingRule
from gsmooth.theory.sequential import EProcess

CHANCES: Final = (0.9, 0.95, 0.99, 0.999, 1.0)
SHARES: Final = (0.5, 0.6, 0.7, 0.774, 0.85, 0.9, 0.95, 0.97, 0.99, 0.999)


@final
@dataclass(frozen=True)
class Cell:
    """Votes for the class with probability p; the question is whether p > share, at level alpha."""

    p: float
    share: float
    alpha: float

    @property
    def divergence(self) -> float:
        """Kullback-Leibler divergence of one vote, in nats: the evidence that it brings."""
        lost = 0.0 if self.p == 1.0 else (1 - self.p) * math.log((1 - self.p) / (1 - self.share))
        return self.p * math.log(self.p / self.share) + lost

    @property
    def horizon(self) -> int:
        """Votes after which a run is given up: several times what any rule here needs."""
        needed = math.log(1.0 / self.alpha) / self.divergence
        return 256 + math.ceil((4.0 if self.p == 1.0 else 12.0) * needed)


def cells(alpha: float) -> Iterator[Cell]:
    """Every chance with every smaller share."""
    return (Cell(p, share, alpha) for p in CHANCES for share in SHARES if share < p)


Counts = NDArray[np.int64]
HABIT: Final = 100_000


@final
@dataclass(frozen=True)
class Rival:
    """name; source; boundary(cell, n_max): least accepting successes of 0..n_max votes.

    n_max + 2 stands for "never".
    """

    name: str
    source: str
    boundary: Callable[[Cell, int], Counts]


def accepting(least: Counts) -> StoppingRule:
    """The rule that accepts from the boundary on, for the dynamic program."""

    def rule(successes: Counts, trials: int) -> NDArray[np.int8]:
        enough = successes >= least[trials]
        return np.where(enough, Decision.ACCEPT, Decision.CONTINUE).astype(np.int8)

    return rule


def ours(cell: Cell, n_max: int) -> Counts:
    """The e-process of gsmooth: likelihood ratios mixed over Jeffreys' prior on q > share."""
    return EProcess(cell.share, cell.alpha).boundary(np.arange(n_max + 1))


def oracle(cell: Cell, n_max: int) -> Counts:
    """Wald's one-sided SPRT of share against p itself: no rule without p can expect to beat it."""
    trials = np.arange(n_max + 1)
    gain = math.log(cell.p / cell.share)
    if cell.p == 1.0:
        unanimous = trials * gain >= -math.log(cell.alpha)
        return np.where(unanimous, trials, n_max + 2)
    loss = math.log((1.0 - cell.p) / (1.0 - cell.share))
    least = np.ceil((-math.log(cell.alpha) - trials * loss) / (gain - loss)).astype(np.int64)
    return np.where(least <= trials, least, n_max + 2)


def fixed(cell: Cell, n_max: int) -> Counts:
    """Clopper-Pearson after 100,000 votes, decided on in advance (Cohen et al. 2019)."""
    least = np.full(n_max + 1, n_max + 2)
    found = least_successes(cell.share, HABIT, cell.alpha) if n_max >= HABIT else None
    if found is not None:
        least[HABIT] = found
    return least


def betting(cell: Cell, n_max: int) -> Counts:
    """Wealth of the Krichevsky-Trofimov bettor against ``share``, when most votes are won."""
    return _wealthy(cell, n_max, -math.log(cell.alpha))


def betting_as_published(cell: Cell, n_max: int) -> Counts:
    """The same at half the wealth, which is published for an interval with another bettor on the
    other side. Ville's inequality proves 2 alpha for both together."""
    return _wealthy(cell, n_max, -math.log(2.0 * cell.alpha))


def union_bound(cell: Cell, n_max: int) -> Counts:
    """Binomial tests at n = 1.1^k, level 5 alpha / ((t + 4)(t + 5)) for the t-th (Voracek 2024).

    The levels add up to alpha. A run ends between two tests if it has won already what the next
    one asks for.
    """
    least = np.full(n_max + 1, n_max + 2)
    power = 11
    for n in range(1, n_max + 1):
        if n > 1.1**power:
            power += 1
            t = power - 11
            level = 5.0 * cell.alpha / ((t + 4) * (t + 5))
            least[n] = int(stats.binom.isf(level, n, cell.share)) + 1
    return np.minimum.accumulate(least[::-1])[::-1]


SPRT, OURS, BETTING, PUBLISHED, UNION, HABITUAL = RIVALS = (
    Rival("oracle SPRT", "Wald 1945, of share against p; the others do not know p", oracle),
    Rival("gsmooth", "likelihood ratios mixed over Jeffreys' prior on q > share", ours),
    Rival(
        "betting", "Krichevsky-Trofimov bettor, accepts at wealth 1/alpha (Voracek 2024)", betting
    ),
    Rival(
        "betting, 1/(2 alpha)",
        "the same at 1/(2 alpha), as the code of Voracek 2024 has it",
        betting_as_published,
    ),
    Rival(
        "union bound",
        "binomial tests at 1.1^k votes, as the code of Voracek 2024 has them",
        union_bound,
    ),
    Rival("fixed n=100,000", "Clopper-Pearson, Cohen et al. 2019", fixed),
)
SEQUENTIAL: Final = RIVALS[:-1]


def _wealthy(cell: Cell, n_max: int, enough: float) -> Counts:
    """Least winning count, above its share, at which the KT bettor's log wealth is ``enough``."""
    total = np.arange(n_max + 1)
    low, high = np.floor(cell.share * total).astype(np.int64), total + 1
    while np.any(high - low > 1):
        won = (low + high) // 2
        rich = _log_wealth(np.minimum(won, total), total, cell.share) >= enough
        open_ = high - low > 1
        high = np.where(open_ & rich, won, high)
        low = np.where(open_ & ~rich, won, low)
    return np.where(high <= total, high, n_max + 2)


def _log_wealth(won: Counts, total: Counts, share: float) -> NDArray[np.float64]:
    lost = total - won
    mixture = special.betaln(won + 0.5, lost + 0.5) - special.betaln(0.5, 0.5)
    return np.asarray(mixture - won * math.log(share) - lost * math.log1p(-share))

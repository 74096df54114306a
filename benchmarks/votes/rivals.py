"""Rules that accept "p > share" from the counts alone, each as a boundary in successes.

Level alpha is that of wrongly accepting, as for ours. None but the oracle knows p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.votes.cells import Cell
from gsmooth.theory import Decision, EProcess, StoppingRule, least_successes

Counts = NDArray[np.int64]
HABIT: Final = 100_000


@dataclass(frozen=True)
class Rival:
    """name; source; boundary(cell, n_max): least accepting successes of 0..n_max votes.

    n_max + 2 stands for "never". single_look: the rule is asked once, after that many votes.
    """

    name: str
    source: str
    boundary: Callable[[Cell, int], Counts]
    single_look: int | None = None


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
    """Wealth of the Krichevsky-Trofimov bettor against ``share``, when most votes are won.

    The lower end of the confidence sequence exceeds ``share`` once the wealth against it has
    reached 1 / alpha with more than a share of the votes won (Ville). Jeffreys' mixture over all q:
    Robbins (1970), Voracek (2024).
    """
    return _wealthy(cell, n_max, -math.log(cell.alpha))


def betting_as_published(cell: Cell, n_max: int) -> Counts:
    """The same at the wealth 1 / (2 alpha), as the code of Voracek (2024) has it.

    Half of the level for either side. Ville's inequality proves 2 alpha for both together; what
    it is for one side the dynamic program tells.
    """
    return _wealthy(cell, n_max, -math.log(2.0 * cell.alpha))


def union_bound(cell: Cell, n_max: int) -> Counts:
    """Binomial tests at n = 1.1^k, level 5 alpha / ((t + 4)(t + 5)) for the t-th (Voracek 2024).

    The levels add up to alpha. Between two tests a run ends that has already won what the next
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


def union_bound_over_doublings(cell: Cell, n_max: int) -> Counts:
    """Clopper-Pearson at n = 16, 32, 64, ..., level 6 alpha / (pi k)^2 for the k-th."""
    least = np.full(n_max + 1, n_max + 2)
    for k in range(1, max(1, (n_max // 16).bit_length()) + 1):
        n = 16 << (k - 1)
        if n <= n_max:
            found = least_successes(cell.share, n, 6.0 * cell.alpha / (math.pi * k) ** 2)
            least[n] = n_max + 2 if found is None else found
    return np.minimum.accumulate(least[::-1])[::-1]


OURS: Final = Rival("gsmooth", "likelihood ratios mixed over Jeffreys' prior on q > share", ours)
SPRT: Final = Rival(
    "oracle SPRT", "Wald 1945, of share against p; the others do not know p", oracle
)
BETTING: Final = Rival(
    "betting", "Krichevsky-Trofimov bettor, accepts at wealth 1/alpha (Voracek 2024)", betting
)
PUBLISHED: Final = Rival(
    "betting, 1/(2 alpha)",
    "the same at 1/(2 alpha), as the code of Voracek 2024 has it",
    betting_as_published,
)
UNION: Final = Rival(
    "union bound",
    "binomial tests at 1.1^k votes, as the code of Voracek 2024 has them",
    union_bound,
)
DOUBLING: Final = Rival(
    "union bound, doubling",
    "Clopper-Pearson at 16, 32, 64, ... votes, 6 alpha / (pi k)^2",
    union_bound_over_doublings,
)
HABITUAL: Final = Rival("fixed n=100,000", "Clopper-Pearson, Cohen et al. 2019", fixed, HABIT)

SEQUENTIAL: Final = (SPRT, OURS, BETTING, PUBLISHED, UNION, DOUBLING)
RIVALS: Final = (*SEQUENTIAL, HABITUAL)


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

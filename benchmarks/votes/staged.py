"""Staged sampling: fresh votes at every stage, the level split among the stages."""

from __future__ import annotations

from typing import Final

from scipy import special

from benchmarks.votes.cells import Cell
from gsmooth.theory import StoppingOutcome, clopper_pearson_upper, least_successes

STAGES: Final = (100, 1000, 10_000, 120_000)
GIVE_UP: Final = 0.0001
"""Level of all tests together by which a stage gives up."""


def staged(cell: Cell, stages: tuple[int, ...] = STAGES) -> StoppingOutcome:
    """What Horvath et al. (2022) do, exactly: stages are independent.

    A stage accepts where Clopper-Pearson at alpha / stages exceeds the share, and all but the last
    give up where the upper bound at GIVE_UP / (stages - 1) is below it. Votes that choose the class
    anew at each stage are not counted.
    """
    accept = stop = expected = 0.0
    running = 1.0
    for place, n in enumerate(stages):
        expected += running * n
        least = least_successes(cell.share, n, cell.alpha / len(stages))
        if least is not None:
            accept += running * at_least(least, n, cell.p)
        last = place == len(stages) - 1
        hopeless = -1 if last else _most_hopeless(cell.share, n, GIVE_UP / (len(stages) - 1))
        stop += running * (1.0 - at_least(hopeless + 1, n, cell.p))
        reached = n + 1 if least is None else least
        running *= at_least(hopeless + 1, n, cell.p) - at_least(reached, n, cell.p)
    return StoppingOutcome(accept, stop, running, expected)


def at_least(count: int, n: int, p: float) -> float:
    """P(Bin(n, p) >= count)."""
    if count <= 0:
        return 1.0
    return 0.0 if count > n else float(special.betainc(count, n - count + 1, p))


def _most_hopeless(share: float, n: int, level: float) -> int:
    """The largest number of successes whose upper bound is below the share; -1 if none is."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        if clopper_pearson_upper(middle, n, level) < share:
            low = middle
        else:
            high = middle
    return low

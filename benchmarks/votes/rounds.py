"""Looking as soon as the votes could suffice, and not before: votes and rounds, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.votes.cells import Cell

CHUNK: Final = 64
NEGLIGIBLE: Final = 1e-16


@dataclass(frozen=True)
class Rounds:
    """Expected votes, and expected batches that they are cast in one after the other."""

    votes: float
    rounds: float


def as_soon_as_they_could_suffice(cell: Cell, least: NDArray[np.int64]) -> Rounds:
    """With h of n votes won, the next look is after the fewest votes that could all be won and
    then suffice, and after CHUNK at the latest.

    least: the boundary of a rule, of 0..n_max votes. The number of votes is that of a look at every
    vote, for none of the looks left out could have accepted.
    """
    n_max = len(least) - 1
    chances = {gap: _binomial(gap, cell.p) for gap in range(1, CHUNK + 1)}
    waiting = {0: np.ones(1)}
    votes = rounds = 0.0
    while waiting:
        n = min(waiting)
        mass = waiting.pop(n)
        mass[least[n] :] = 0.0
        ahead = min(CHUNK, n_max - n)
        alive = np.flatnonzero(mass > NEGLIGIBLE)
        if ahead == 0 or not len(alive):
            continue
        gaps = np.arange(1, ahead + 1)
        # Wins needed of the votes so far if all of the next 1, 2, ... are won: never increasing.
        asked = least[n + gaps] - gaps
        step = np.minimum(np.searchsorted(-asked, -alive), ahead - 1) + 1
        for gap in np.unique(step).tolist():
            chosen = alive[step == gap]
            first, part = int(chosen[0]), mass[chosen[0] : chosen[-1] + 1]
            chance = float(part.sum())
            votes, rounds = votes + gap * chance, rounds + chance
            after = waiting.setdefault(n + gap, np.zeros(n + gap + 1))
            after[first : first + len(part) + gap] += np.convolve(part, chances[gap])
    return Rounds(votes, rounds)


def _binomial(n: int, p: float) -> NDArray[np.float64]:
    won = np.arange(n + 1)
    return np.asarray(special.comb(n, won) * p**won * (1.0 - p) ** (n - won))

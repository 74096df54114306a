"""Chances and shares that rules are compared at, and when they look."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gsmooth.theory import looks_after

CHANCES: Final = (0.9, 0.95, 0.99, 0.999, 1.0)
SHARES: Final = (0.5, 0.6, 0.7, 0.774, 0.85, 0.9, 0.95, 0.97, 0.99, 0.999)
LOOKS: Final = {
    "every vote": (1,),
    "every 64": (64,),
    "16, 16, 32, 64, ...": (16, 16, 32, 64),
}
"""Votes between looks; the last number is repeated."""


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
    for p in CHANCES:
        for share in SHARES:
            if share < p:
                yield Cell(p, share, alpha)


def looks(name: str, n_max: int) -> int | list[int]:
    """The argument ``look_every`` of :func:`gsmooth.theory.exact_outcome`."""
    chunks = LOOKS[name]
    return chunks[0] if len(chunks) == 1 else looks_after(chunks, n_max)

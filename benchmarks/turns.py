"""Rates measured in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, final

Work = Callable[[], int]
"""Does a piece of work and says how many rows (votes, forward passes) it was."""


@final
@dataclass(frozen=True)
class Ratio:
    """One rate over another: least, median and largest over the rounds.

    first, second: what was compared; their median rates are in ``unit``. target: what the ratio is
    wanted to be, ``wanted`` that; None where nothing is promised.
    """

    case: str
    first: str
    second: str
    unit: str
    first_rate: float
    second_rate: float
    least: float
    median: float
    largest: float
    rounds: int
    target: float | None = None
    wanted: Literal["at least", "at most"] = "at least"

    @property
    def lost(self) -> bool:
        """Whether the median misses the target."""
        return self.target is not None and missed(self.median, self.target, self.wanted)


def missed(median: float, target: float, wanted: str) -> bool:
    """Whether a figure is on the wrong side of its target."""
    return median < target if wanted == "at least" else median > target


def rate(work: Work, seconds: float) -> float:
    """Rows a second of ``work``, repeated for at least ``seconds``."""
    rows, began = 0, perf_counter()
    while (passed := perf_counter() - began) < seconds or not rows:
        rows += work()
    return rows / passed


@final
@dataclass(frozen=True)
class Rates:
    """Rates of several works by round; a round has every work once."""

    unit: str
    found: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        """The median rate of one work."""
        return statistics.median(self.found[name])

    def ratio(self, case: str, first: str, second: str, target: float | None = None) -> Ratio:
        """``first`` over ``second``, round by round."""
        pairs = list(zip(self.found[first], self.found[second], strict=True))
        ratios = [one / other for one, other in pairs]
        return Ratio(
            case=case,
            first=first,
            second=second,
            unit=self.unit,
            first_rate=self.median(first),
            second_rate=self.median(second),
            least=min(ratios),
            median=statistics.median(ratios),
            largest=max(ratios),
            rounds=len(ratios),
            target=target,
        )


def in_turn(works: Mapping[str, Work], seconds: float, rounds: int, unit: str = "votes/s") -> Rates:
    """Rates of all works, each once a round; every second round runs backwards.

    Every work is done once beforehand, unmeasured: first calls choose algorithms and fill caches.
    """
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds):
        for name in list(works)[:: -1 if turn % 2 else 1]:
            found[name].append(rate(works[name], seconds))
    return Rates(unit, found)


def best_size(work_of: Callable[[int], Work], sizes: Sequence[int], seconds: float) -> int:
    """The batch size with the highest rate; of two rounds the better counts for each size.

    Noise of the machine only ever slows, so the larger of two rates is nearer to the truth.
    """
    works = {str(size): work_of(size) for size in sizes}
    found = in_turn(works, seconds, 2).found
    return max(sizes, key=lambda size: max(found[str(size)]))


def shown(ratio: Ratio) -> str:
    """One line for the terminal."""
    wanted = "" if ratio.target is None else f"   ({ratio.wanted} {ratio.target:g})"
    lost = "   MISSED" if ratio.lost else ""
    return (
        f"{ratio.case:24} {ratio.first} / {ratio.second}: {ratio.median:.3f}"
        f" [{ratio.least:.3f}, {ratio.largest:.3f}]"
        f"   {ratio.first_rate:,.0f} / {ratio.second_rate:,.0f} {ratio.unit}{wanted}{lost}"
    )

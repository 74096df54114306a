"""Rates measured in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter, process_time
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


@final
@dataclass(frozen=True)
class Timing:
    """How long and how often. seconds: least length of one timing; rounds: timings of each work.

    clock: "wall", or "cpu" seconds of this process, which leaves out what other processes take.
    With one thread on a quiet machine both say the same.
    """

    seconds: float = 2.0
    rounds: int = 5
    clock: Literal["wall", "cpu"] = "wall"

    def now(self) -> float:
        """Seconds since some moment."""
        return perf_counter() if self.clock == "wall" else process_time()

    def rate(self, work: Work) -> float:
        """Rows a second of ``work``, repeated for at least ``seconds``."""
        rows, began = 0, self.now()
        while (passed := self.now() - began) < self.seconds or not rows:
            rows += work()
        return rows / passed

    def search(self) -> Timing:
        """Short timings, for choosing a batch size."""
        return replace(self, seconds=self.seconds / 4, rounds=2)


@final
@dataclass(frozen=True)
class Rates:
    """Rates of several works by round; a round has every work once."""

    unit: str
    found: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        """The median rate of one work."""
        return statistics.median(self.found[name])

    def share(self, whole: str, part: str) -> list[float]:
        """The time of ``part`` over that of ``whole``, round by round."""
        return [w / p for w, p in zip(self.found[whole], self.found[part], strict=True)]

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


def in_turn(works: Mapping[str, Work], timing: Timing, unit: str = "votes/s") -> Rates:
    """Rates of all works, each once a round; every second round runs backwards.

    Every work is done once beforehand, unmeasured: first calls choose algorithms and fill caches.
    """
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(timing.rounds):
        for name in list(works)[:: -1 if turn % 2 else 1]:
            found[name].append(timing.rate(works[name]))
    return Rates(unit, found)


def best_size(work_of: Callable[[int], Work], sizes: Sequence[int], timing: Timing) -> int:
    """The batch size with the highest rate, by short timings; the better of two counts.

    What else the machine does only ever slows, so the larger of two rates is nearer to the truth.
    """
    found = in_turn({str(size): work_of(size) for size in sizes}, timing.search()).found
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

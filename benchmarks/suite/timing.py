"""Rates measured in turn, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter, process_time
from typing import Any, Literal, final

Work = Callable[[], int]
"""Does a piece of work and returns how many rows (votes, forward passes) it was."""
Wanted = Literal["at least", "at most"]


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
    wanted: Wanted = "at least"


def ratio_of(
    case: str,
    first: tuple[str, Sequence[float]],
    second: tuple[str, Sequence[float]],
    unit: str,
    target: float | None = None,
    wanted: Wanted = "at least",
) -> Ratio:
    """The ratio of two measurements (name, values by round), round by round."""
    (name, values), (other_name, others) = first, second
    ratios = [float(one / other) for one, other in zip(values, others, strict=True)]
    rates = float(median(values)), float(median(others))
    turns = {**spread(ratios), "rounds": len(ratios), "target": target}
    return Ratio(case, name, other_name, unit, *rates, **turns, wanted=wanted)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Least, median and largest over the rounds."""
    return {"least": min(values), "median": median(values), "largest": max(values)}


@final
@dataclass(frozen=True)
class Timing:
    """How long and how often. seconds: least length of one timing; rounds: timings of each work.

    clock: "wall", or "cpu" seconds of this process, which leaves out what other processes take.
    With one thread on a quiet machine both are the same.
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

    @classmethod
    def asked(cls, options: argparse.Namespace) -> Timing:
        """What --seconds, --rounds and --clock ask for."""
        return cls(options.seconds, options.rounds, options.clock)

    def search(self) -> Timing:
        """Short timings, for choosing a batch size."""
        return replace(self, seconds=self.seconds / 4, rounds=2)


@final
@dataclass(frozen=True)
class Rates:
    """Rates of several works by round; a round has every work once."""

    unit: str
    found: Mapping[str, Sequence[float]]

    def fraction(self, whole: str, part: str) -> list[float]:
        """The time of ``part`` over that of ``whole``, round by round."""
        return [w / p for w, p in zip(self.found[whole], self.found[part], strict=True)]

    def ratio(self, case: str, first: str, second: str, target: float | None = None) -> Ratio:
        """``first`` over ``second``, round by round."""
        pair = [(name, self.found[name]) for name in (first, second)]
        return ratio_of(case, pair[0], pair[1], self.unit, target)


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

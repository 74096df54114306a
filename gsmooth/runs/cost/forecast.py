"""Forecast: what is left of a run, from the images that are done and those still in flight."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.runs.settings import RUN

NORMAL_90: Final = 1.645
"""Standard deviations on either side that hold nine tenths of a normal distribution."""

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Span:
    """A forecast: its mean, and low and high between which it lies nine times in ten, or so."""

    low: float
    mean: float
    high: float

    def times(self, factor: float) -> Span:
        """The span times a number."""
        return Span(self.low * factor, self.mean * factor, self.high * factor)

    def plus(self, seconds: float) -> Span:
        """The sum with a constant."""
        return Span(self.low + seconds, self.mean + seconds, self.high + seconds)

    def spoken(self) -> str:
        """In words: "about 3 min", or "2 to 5 min" where less is known."""
        low, high = duration(self.low), duration(self.high)
        if self.high <= RUN.forecast.one_number * self.low or low == high:
            return f"about {duration(self.mean)}"
        number, _, unit = low.partition(" ")
        return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def duration(seconds: float) -> str:
    """A time with two digits: "1 s" at least, then s, min, h and days."""
    for unit, length, until in (("s", 1.0, 90.0), ("min", 60.0, 5400.0), ("h", 3600.0, 172800.0)):
        if seconds < until:
            return f"{_two_digits(max(seconds, 1.0) / length)} {unit}"
    return f"{_two_digits(seconds / 86400.0)} days"


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


@final
@dataclass(frozen=True)
class Costs:
    """The distribution of votes an image costs, from finished images and unfinished ones.

    An image in flight costs more than it has cost so far, so that the cheap ones, which finish
    first, do not stand for all: Kaplan and Meier's estimate (1958). Beyond the costliest image seen
    costs are taken to fall off exponentially, by a ``tail`` between what that one has cost and what
    an image may cost more, and at worst by ``worst``. ends (n,): costs in order; alive (n,): share
    of images that cost more.
    """

    ends: Floats
    alive: Floats
    tail: float
    worst: float

    @classmethod
    def seen(
        cls,
        finished: Floats,
        unfinished: Floats,
        most: float = math.inf,
        times: Floats | None = None,
    ) -> Self:
        """From costs (f,) of finished images and costs so far (k,) of those in flight.

        times (f,): how many finished images had each cost; by default one.
        """
        costs = np.concatenate([finished, unfinished])
        images = np.ones(len(costs))
        images[: len(finished)] = 1.0 if times is None else times
        # Of equal costs those that are final come first.
        order = np.lexsort((np.arange(len(costs)) >= len(finished), costs))
        final_, images = order < len(finished), images[order]
        at_risk = images[::-1].cumsum()[::-1]
        factors: Floats = np.where(final_, 1.0 - images / at_risk, 1.0)
        alive = np.cumprod(factors)
        ends = costs[order]
        last = float(ends[-1])
        room = max(0.0, most - last)
        tail = min(room, math.sqrt(last * room)) if math.isfinite(most) else last
        worst = room if math.isfinite(most) else 3.0 * last
        return cls(ends, np.asarray(alive, dtype=np.float64), tail, worst)

    def at_worst(self) -> Costs:
        """If all that have lasted longer than any that is finished go on for as long as can be."""
        return replace(self, tail=self.worst)

    def mean(self) -> float:
        """The mean over all images."""
        return self._area(0.0)

    def deviation(self) -> float:
        """Standard deviation among images."""
        starts = np.concatenate([[0.0], self.ends[:-1]])
        before = np.concatenate([[1.0], self.alive[:-1]])
        second = float(((self.ends**2 - starts**2) * before).sum())
        second += 2.0 * float(self.alive[-1]) * self.tail * (float(self.ends[-1]) + self.tail)
        return math.sqrt(max(0.0, second - self.mean() ** 2))

    def beyond(self, spent: float) -> float:
        """What an image is expected to cost that has cost ``spent`` and is not finished."""
        place = int(np.searchsorted(self.ends, spent, side="right"))
        alive = float(self.alive[place - 1]) if place else 1.0
        return self.tail if alive <= 0.0 else self._area(spent) / alive

    def _area(self, start: float) -> float:
        """The integral of the share that cost more, from ``start`` on."""
        starts = np.maximum(start, np.concatenate([[0.0], self.ends[:-1]]))
        before = np.concatenate([[1.0], self.alive[:-1]])
        seen = float((np.maximum(0.0, self.ends - starts) * before).sum())
        return seen + float(self.alive[-1]) * self.tail


@final
@dataclass
class Timeline:
    """What has happened so far in a run of ``images`` images: votes by image, and where time went.

    most: votes that an image may cost.

    Votes are paid at the machine's recent speed, covers by every image that is begun, and what is
    done with a certificate (the attack on it) by every image that is finished.

    spent: votes of the images in flight. After a round images are finished one by one, and which of
    the others will be is not known yet: costs are judged from where all stood before it. settled:
    images finished by then, and ``costs``, how many of them had which cost; sure: votes of the
    others, by then. Images of one cost are one number: there are no more costs than
    votes that an image may have.
    """

    images: int
    most: float = math.inf
    done: int = 0
    costs: Counter[int] = field(default_factory=Counter)
    spent: dict[int, int] = field(default_factory=dict)
    sure: dict[int, int] = field(default_factory=dict)
    settled: int = 0
    _votes: int = 0
    _since: list[int] = field(default_factory=list)
    voting_s: float = 0.0
    after_s: float = 0.0
    _recent_votes: float = 0.0
    _recent_s: float = 0.0

    @property
    def cast(self) -> int:
        """Votes of all images, those in flight included."""
        return self._votes + sum(self.spent.values())

    def round(self, spent: Mapping[int, int], seconds: float) -> None:
        """Record a round of votes; spent: votes so far by index, of images in flight."""
        fresh = sum(votes - self.spent.get(index, 0) for index, votes in spent.items())
        self.sure = {index: self.spent.get(index, 0) for index in spent}
        self.spent = dict(spent)
        self._settle()
        self.voting_s += seconds
        half_life = RUN.forecast.memory * self.voting_s
        kept = 0.5 ** (seconds / half_life) if self.voting_s > 0.0 else 1.0
        self._recent_votes = kept * self._recent_votes + fresh
        self._recent_s = kept * self._recent_s + seconds

    def finished(self, index: int, votes: int, after_s: float = 0.0) -> None:
        """An image is done; after_s: seconds from its certificate to the next."""
        self.spent.pop(index, None)
        self.done += 1
        self._votes += votes
        self._since.append(votes)
        if not self.voting_s:  # No rounds are reported.
            self._settle()
        self.after_s += after_s

    def _settle(self) -> None:
        self.costs.update(self._since)
        self.settled += len(self._since)
        self._since.clear()

    def left(self, seconds: float) -> Span | None:
        """Time left after so many seconds; None as long as no image and its round is finished."""
        done, flying = self.done, len(self.spent)
        open_ = self.images - done
        if not self.settled or not self.cast or seconds <= 0.0:
            return None
        costs = Costs.seen(
            np.fromiter(self.costs, np.float64),
            np.array(list(self.sure.values()), dtype=np.float64),
            self.most,
            np.fromiter(self.costs.values(), np.float64),
        )
        votes, worst = self._votes_left(costs), self._votes_left(costs.at_worst())
        error = costs.deviation() * math.sqrt(open_ + open_**2 / self.settled)
        pace, drawing_s = self._prices(seconds)
        fixed = (open_ - flying) * drawing_s / (done + flying) + open_ * self.after_s / done
        mean = votes * pace + fixed
        unknown = RUN.forecast.drift + RUN.forecast.one_image / self.settled
        width = NORMAL_90 * error * pace + unknown * mean
        high = max(mean + width, worst * pace + fixed)
        return Span(max(mean - width, 0.25 * mean), mean, high)

    def _votes_left(self, costs: Costs) -> float:
        """Votes of all images that are not finished, less those that they have had."""
        waiting = self.images - self.done - len(self.spent)
        return waiting * costs.mean() + sum(
            max(0.0, costs.beyond(self.sure[index]) + self.sure[index] - votes)
            for index, votes in self.spent.items()
        )

    def _prices(self, seconds: float) -> tuple[float, float]:
        """Seconds a vote, and seconds that went neither into votes nor into what follows them."""
        if not self._recent_votes:  # No rounds are reported: all time counts as the votes'.
            return max(0.0, seconds - self.after_s) / self.cast, 0.0
        pace = self._recent_s / self._recent_votes
        return pace, max(0.0, seconds - self.after_s - self.voting_s)

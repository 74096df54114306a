"""The rules of decision, as the user states them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, final

import numpy as np
from scipy import special

from gsmooth.cover import Price
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.noise import CHUNK
from gsmooth.theory.foresight import expected_votes
from gsmooth.theory.normal import Floats
from gsmooth.theory.sequential import EProcess, StreamedSample

TYPICAL_CENTRES: Final = 32
"""Stands for the number of centres where the price of one has to be guessed before it is known."""


@final
@dataclass(frozen=True)
class RegionMode:
    """Is g constant on the whole region? An e-process for every centre, none pays for another (C5).

    n0 selection votes at the clean centre choose the class; at most max_votes votes an image are
    spent in all. futility: level at which a centre is given up early; costs power, not soundness.
    order: "worst-first" gives up soonest where the region will not pass; "inside-out" tests centres
    from the clean image outwards and certifies the region that was reached when one fails.
    attempts: covers that are chosen by their cost may be drawn a second time, by what the votes of
    the first have shown; every test is then made at alpha / attempts. rule: "fixed" is what others
    do, for comparison: n votes for each of k centres, and Clopper-Pearson at alpha / k
    (Bonferroni), in one attempt. Vote numbers are rounded up to whole chunks of 64.
    """

    alpha: float = 0.001
    n0: int = 64
    max_votes: int = 5000
    futility: float = 0.001
    order: Literal["worst-first", "inside-out"] = "worst-first"
    rule: Literal["e-process", "fixed"] = "e-process"
    n: int = 400
    attempts: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_level("futility", self.futility)
        check_votes(n0=self.n0, max_votes=self.max_votes, n=self.n)
        if self.attempts not in (1, 2):
            raise ConfigurationError(f"attempts={self.attempts} must be 1 or 2")

    @property
    def tries(self) -> int:
        """Attempts at a cover that is chosen by its cost."""
        return self.attempts if self.rule == "e-process" else 1

    @property
    def price(self) -> Price:
        """What centres are expected to cost, for choosing a cover; no bound rests on it."""
        budget = self.max_votes - chunks(self.n0) * CHUNK
        return Price(self._expected if self.rule == "e-process" else self._fixed, budget)

    def _expected(self, share: Floats, p: Floats) -> Floats:
        level = self.alpha / self.tries
        return expected_votes(share, p, level, chunk=CHUNK, most=self.max_votes)

    def _fixed(self, share: Floats, p: Floats) -> Floats:
        """n votes, and far more where they will hardly suffice."""
        cast = chunks(self.n) * CHUNK
        lower = special.betaincinv(cast * p, cast * (1.0 - p) + 1.0, self.alpha / TYPICAL_CENTRES)
        short = np.maximum(0.0, share - lower)
        return np.asarray(cast * np.where(short > 0.0, 10.0 + 100.0 * short, 1.0))


@final
@dataclass(frozen=True)
class RadiusMode:
    """How much of the region do the votes support? n votes a centre, fixed in advance (S1).

    bound: "clopper-pearson", or "randomized" (S7: tighter; its uniform draw is made before the
    votes from the same seed). Vote numbers are rounded up to whole chunks of 64.
    """

    alpha: float = 0.001
    n0: int = 64
    n: int = 10_000
    bound: Literal["clopper-pearson", "randomized"] = "clopper-pearson"

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_votes(n0=self.n0, n=self.n)


Mode = RegionMode | RadiusMode


def chunks(votes: int) -> int:
    """Whole chunks that hold at least ``votes`` votes."""
    return -(-votes // CHUNK)


@lru_cache(maxsize=1024)  # Every centre of an image is asked about before each of them.
def least_votes(share: float, alpha: float) -> int | None:
    """Least unanimous votes, in whole chunks, that the e-process accepts; None where none are."""
    try:
        test = EProcess(share, alpha)
        if test.accepts(StreamedSample(CHUNK, CHUNK)):  # Most do, and the search is slower.
            return CHUNK
        return chunks(test.least_n()) * CHUNK
    except UnreachableError:
        return None


def check_level(name: str, value: float) -> None:
    """ConfigurationError unless 0 < value <= 1/2, which the bounds and tests need."""
    if not 0.0 < value <= 0.5:
        raise ConfigurationError(
            f"{name}={value} must lie above 0 and at most at 0.5; 0.001 is customary"
        )


def check_votes(**numbers: int) -> None:
    """ConfigurationError unless every number of votes is at least 1."""
    for name, value in numbers.items():
        if value < 1:
            raise ConfigurationError(f"{name}={value} must be at least 1 vote")

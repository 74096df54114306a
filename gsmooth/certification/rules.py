"""The rules of decision: region mode and radius mode, with their numbers of votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from scipy import special

from gsmooth.certificate import MOST_VOTES
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Price
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.arguments import require_whole
from gsmooth.theory.expected_samples import expected_votes
from gsmooth.theory.normal import Floats
from gsmooth.theory.selection import SelectionLooks


@final
@dataclass(frozen=True)
class RegionMode:
    """Is g constant on the whole region? An e-process tests every centre at the full alpha (C5).

    C5: a false certificate needs one particular centre to pass falsely, so the tests do not share
    alpha. n0 and n are rounded up to whole chunks of 64.

    Args:
        alpha: Failure probability of a certificate, in (0, 0.5].
        n0: Selection votes at the clean centre, which choose the class.
        max_votes: Most votes an image, all kinds together.
        futility: Level at which a centre is given up early; it costs power, not soundness.
        order: "worst-first" gives up soonest if the region will not pass; "inside-out" tests
            centres from the clean image outwards, and certifies the region that was reached when
            one fails.
        rule: "runner-up" mixes an anytime-valid test (S6) with one of the gap to every other class
            (S9), by weights that the selection votes choose. "e-process" is the former alone.
            "fixed" is the usual method, for comparison: n votes at each of k centres, and
            Clopper-Pearson bounds at alpha / k (Bonferroni), in one attempt.
        n: Votes a centre of the rule "fixed".
        attempts: A cover that is chosen by its cost may be planned once more, by the votes of the
            first; every test is then made at alpha / attempts. With the rule "runner-up" an image
            whose selection and pilot votes are unanimous has one attempt, at alpha.
        n0_first: If the first so many selection votes are all for one class, there are no more
            (S3). None: always n0.
    """

    alpha: float = 0.001
    n0: int = 64
    max_votes: int = 5000
    futility: float = 0.001
    order: Literal["worst-first", "inside-out"] = "worst-first"
    rule: Literal["runner-up", "e-process", "fixed"] = "runner-up"
    n: int = 400
    attempts: Literal[1, 2] = 2
    n0_first: int | None = None

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_level("futility", self.futility)
        check_votes(n0=self.n0, n=self.n)
        if self.n0_first is not None:
            check_votes(n0_first=self.n0_first)
        require_whole(max_votes=self.max_votes)
        if self.max_votes < 1:
            raise ConfigurationError(f"max_votes={self.max_votes} must be at least 1 vote")
        check_choice("order", self.order, ("worst-first", "inside-out"))
        check_choice("rule", self.rule, ("runner-up", "e-process", "fixed"))
        if self.attempts not in (1, 2):
            raise ConfigurationError(f"attempts={self.attempts} must be 1 or 2")

    @property
    def looks(self) -> SelectionLooks:
        """When the selection votes may end."""
        return SelectionLooks(chunks(self.n0) * CHUNK, self.n0_first, self.alpha)

    @property
    def tries(self) -> int:
        """Attempts with a cover that is chosen by its cost."""
        return self.attempts if self.streamed else 1

    @property
    def streamed(self) -> bool:
        """Whether the votes of a centre may end at any time."""
        return self.rule != "fixed"

    @property
    def price(self) -> Price:
        """The expected cost of centres, by which a cover is chosen; no bound depends on it."""
        budget = self.max_votes - chunks(self.n0) * CHUNK
        return Price(self._expected if self.streamed else self._fixed, budget)

    def _expected(self, required_p: Floats, p: Floats) -> Floats:
        level = self.alpha / self.tries
        return expected_votes(required_p, p, level, most=self.max_votes)

    def _fixed(self, required_p: Floats, p: Floats) -> Floats:
        """n votes, and far more where they will hardly suffice."""
        short = np.maximum(0.0, self._needed(required_p) - p)
        return np.asarray(chunks(self.n) * CHUNK * np.where(short > 0.0, 10.0 + 100.0 * short, 1.0))

    def _needed(self, required_p: Floats) -> Floats:
        """The p at which n votes show each share, so often that all centres are likely to pass."""
        cast = chunks(self.n) * CHUNK
        won = np.arange(1, cast + 1)
        assumed = CERTIFICATION.fixed_rule
        lower = special.betaincinv(won, cast - won + 1.0, self.alpha / assumed.typical_centres)
        least = np.searchsorted(lower, required_p, side="right") + 1.0
        missed = (1.0 - assumed.success) / assumed.typical_centres
        within = np.minimum(least, cast)
        needed = special.betaincinv(within, cast - within + 1.0, 1.0 - missed)
        # Even unanimous votes do not reach a share above the last bound.
        return np.asarray(needed + np.where(least > cast, required_p, 0.0))


@final
@dataclass(frozen=True)
class RadiusMode:
    """How much of the region do the votes support?

    Args:
        alpha: Failure probability of a certificate, in (0, 0.5].
        n0: Selection votes at the clean centre, rounded up to whole chunks of 64.
        n: Votes a centre: so many, rounded up to whole chunks, or with bound "sequence" at most.
        bound: "clopper-pearson": for n votes, fixed in advance (S1). "randomized": tighter (S7);
            its uniform draw is made before the votes, from the same seed. "sequence": an
            anytime-valid bound (S6), so that votes may end early.
        within: "sequence": votes end when the fraction is at least 1 - within of what n votes
            could give.
        futility: "sequence": level of the bound on p by which that is judged; an error costs
            radius, never soundness.
        rule: "sequence": as in :class:`RegionMode`.
    """

    alpha: float = 0.001
    n0: int = 64
    n: int = 10_000
    bound: Literal["clopper-pearson", "randomized", "sequence"] = "clopper-pearson"
    within: float = 0.05
    futility: float = 0.001
    rule: Literal["runner-up", "e-process"] = "runner-up"

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_level("futility", self.futility)
        check_votes(n0=self.n0, n=self.n)
        check_choice("bound", self.bound, ("clopper-pearson", "randomized", "sequence"))
        check_choice("rule", self.rule, ("runner-up", "e-process"))
        if not 0.0 < self.within < 1.0:
            raise ConfigurationError(
                f"within={self.within} must lie between 0 and 1: the part of the fraction that may"
                " be given up to save votes; 0.05 is customary"
            )

    @property
    def looks(self) -> SelectionLooks:
        """When the selection votes end: after n0."""
        return SelectionLooks(chunks(self.n0) * CHUNK, None, self.alpha)

    @property
    def tries(self) -> int:
        """Attempts at a cover: one, because every cover supports some radius."""
        return 1

    @property
    def price(self) -> None:
        """None: the bound at every centre counts, so votes do not choose the cover."""
        return None

    @property
    def most(self) -> int:
        """Votes a centre: all of them cast, or with bound "sequence" the most."""
        return self.n if self.bound == "sequence" else chunks(self.n) * CHUNK


Mode = RegionMode | RadiusMode


def chunks(votes: int) -> int:
    """The least number of whole chunks with at least ``votes`` votes."""
    return -(-votes // CHUNK)


def check_level(name: str, value: float) -> None:
    """ConfigurationError unless 0 < value <= 1/2, which the bounds and tests need."""
    if not 0.0 < value <= 0.5:
        raise ConfigurationError(
            f"{name}={value} must lie above 0 and at most at 0.5; 0.001 is customary"
        )


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """ConfigurationError unless the value is one of the choices."""
    if value not in choices:
        raise ConfigurationError(f"{name}={value!r}; expected {' or '.join(map(repr, choices))}")


def check_votes(**numbers: int) -> None:
    """ConfigurationError unless every number of votes lies in 1..MOST_VOTES."""
    require_whole(**numbers)
    for name, value in numbers.items():
        if value < 1:
            raise ConfigurationError(f"{name}={value} must be at least 1 vote")
        if value > MOST_VOTES:
            raise ConfigurationError(f"{name}={value} must be at most {MOST_VOTES:,} votes")

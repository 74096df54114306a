"""Deciding one image: select a class, then put the cover's centres to the vote."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certificate,
    Certified,
    Prediction,
    Step,
    Verdict,
)
from gsmooth.cover import Ball, Cover, Draft, Price
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.noise import CHUNK, Coordinate, Purpose
from gsmooth.smoothing import Ballot, SmoothedClassifier
from gsmooth.theory.bounds import (
    FixedBound,
    FixedSample,
    least_n_fixed,
    predict_test,
    randomized_clopper_pearson_lower,
)
from gsmooth.theory.foresight import expected_votes
from gsmooth.theory.normal import Floats
from gsmooth.theory.sequential import EProcess, Futility, StreamedSample, cannot_accept

Counts = NDArray[np.int64]

PILOT_VOTES: Final = 16
"""Votes at each point that a cover is chosen by."""
TYPICAL_CENTRES: Final = 32
"""Stands for the number of centres where the price of one has to be guessed before it is known."""


@final
@dataclass(frozen=True)
class RegionMode:
    """Is g constant on the whole region? An e-process per centre, each at the full alpha (C5, S6).

    n0 selection votes at the clean centre choose the class; at most max_votes votes an image are
    spent in all. futility: level at which a centre is given up early; costs power, not soundness.
    order: "worst-first" gives up soonest where the region will not pass; "inside-out" tests centres
    from the clean image outwards and certifies the region that was reached when one fails. rule:
    "fixed" is what others do, for comparison: n votes for each of k centres, and Clopper-Pearson at
    alpha / k (Bonferroni). Vote numbers are rounded up to whole chunks of 64.
    """

    alpha: float = 0.001
    n0: int = 64
    max_votes: int = 5000
    futility: float = 0.001
    order: Literal["worst-first", "inside-out"] = "worst-first"
    rule: Literal["e-process", "fixed"] = "e-process"
    n: int = 400

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_level("futility", self.futility)
        check_votes(n0=self.n0, max_votes=self.max_votes, n=self.n)

    @property
    def price(self) -> Price:
        """What centres are expected to cost, for choosing a cover; no bound rests on it."""
        budget = self.max_votes - chunks(self.n0) * CHUNK
        return Price(self._expected if self.rule == "e-process" else self._fixed, budget)

    def _expected(self, share: Floats, p: Floats) -> Floats:
        return expected_votes(share, p, self.alpha, chunk=CHUNK, most=self.max_votes)

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


@final
@dataclass(frozen=True)
class Finding:
    """What the votes of one image gave: certificate, PREDICT at x, and votes spent in all.

    pilot_votes: those among them that only helped to choose the cover.
    """

    certificate: Certificate
    prediction: Prediction
    votes: int
    pilot_votes: int = 0


Decision = Generator[list[Ballot], Counts, Finding]
Trial = Generator[list[Ballot], Counts, Certificate]


def decide(smoothed: SmoothedClassifier, index: int, plan: Draft, mode: Mode) -> Decision:
    """A generator that yields ballots, is sent their counts (len, classes + 1), and decides.

    Selection votes choose the class and are PREDICT's, pilot votes choose the cover; estimation
    votes are fresh, so both are fixed independently of them (S2, C5).
    """
    chosen = [
        Ballot(Coordinate(smoothed.seed, index, Purpose.SELECTION, 0, chunk), plan.clean)
        for chunk in range(chunks(mode.n0))
    ]
    pilots = [
        Ballot(Coordinate(smoothed.seed, index, Purpose.PILOT, place, 0), z, PILOT_VOTES)
        for place, z in enumerate(plan.pilots)
    ]
    counts = yield [*chosen, *pilots]
    selected = counts[: len(chosen)].sum(axis=0)
    label = int(np.argmax(selected[:-1]))
    cover = plan.drawn(_shrunk(counts[len(chosen) :, label]))
    court = _Court(smoothed, index, cover, mode.alpha, label, int(counts.sum()))
    if isinstance(mode, RegionMode):
        certificate = yield from court.region(mode)
    else:
        certificate = yield from court.fixed(mode)
    spent = PILOT_VOTES * len(pilots)
    return Finding(certificate, prediction(selected, mode.alpha), court.votes, spent)


def _shrunk(won: Counts) -> Floats:
    """Shares (pilots,) of PILOT_VOTES votes each, drawn towards their common mean."""
    if len(won) == 0:
        return np.zeros(0)
    mean = (won.sum() + 0.5) / (PILOT_VOTES * len(won) + 1.0)
    return np.asarray((won + PILOT_VOTES * mean) / (2.0 * PILOT_VOTES))


def prediction(counts: Counts, alpha: float) -> Prediction:
    """PREDICT's answer for counts (classes + 1,), the last of them ties."""
    votes = counts[:-1]
    first, second = np.argsort(-votes, kind="stable")[:2]
    test = predict_test(int(votes[first]), int(votes[second]), alpha)
    label = int(first) if test.decided else None
    return Prediction(label, tuple(int(v) for v in counts), alpha)


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


class _Court:
    """The trial of one image's cover: every centre at the full alpha (C5)."""

    def __init__(
        self,
        smoothed: SmoothedClassifier,
        index: int,
        cover: Cover,
        alpha: float,
        label: int,
        votes: int,
    ) -> None:
        self.smoothed, self.index, self.cover, self.alpha = smoothed, index, cover, alpha
        self.label, self.votes = label, votes

    def ballots(self, centre: int, first: int, count: int) -> list[Ballot]:
        """Estimation votes: ``count`` chunks at one centre from chunk ``first`` on."""
        z, seed = self.cover.balls[centre].z, self.smoothed.seed
        return [
            Ballot(Coordinate(seed, self.index, Purpose.ESTIMATION, centre, chunk), z)
            for chunk in range(first, first + count)
        ]

    def region(self, mode: RegionMode) -> Trial:
        """One centre after the other until one fails or all pass.

        Inside-out, the region reached is certified: if it is too large, the first centre in this
        order whose p is below its share was accepted, which has probability at most alpha (C5).
        """
        balls = self.cover.balls
        inside_out = mode.order == "inside-out"
        evidence = [_tested(ball, 0, 0, Verdict.UNTESTED, inside_out) for ball in balls]
        order = list(range(len(balls)))
        if inside_out:
            order.sort(key=lambda place: balls[place].start)
        for rank, place in enumerate(order):
            ball = balls[place]
            ahead = order[rank : rank + 1] if inside_out else order[rank:]
            least = self._least(mode, ahead)
            if least is None or self.votes + least > mode.max_votes:
                needed = None if least is None else self.votes + least
                return self._reached(ball, AbstainReason.BUDGET, evidence, needed, inside_out)
            trial = self._stream if mode.rule == "e-process" else self._bonferroni
            verdict, won, cast = yield from trial(mode, place, ball)
            evidence[place] = _tested(ball, won, cast, verdict, inside_out)
            if verdict is not Verdict.ACCEPTED:
                futile = verdict is Verdict.FUTILE
                reason = AbstainReason.FUTILE if futile else AbstainReason.BUDGET
                return self._reached(ball, reason, evidence, None, inside_out)
        return self._certified(1.0, evidence)

    def _bonferroni(
        self, mode: RegionMode, place: int, ball: Ball
    ) -> Generator[list[Ballot], Counts, tuple[Verdict, int, int]]:
        """n votes at once, and a bound at alpha / k: needlessly strict (C5), and looked at once."""
        cast = chunks(mode.n) * CHUNK
        counts = yield self.ballots(place, 0, chunks(mode.n))
        self.votes += cast
        won = int(counts[:, self.label].sum())
        bound = FixedBound(cast, mode.alpha / len(self.cover.balls))
        passed = bound.lower(FixedSample(won, cast)) > ball.share
        return (Verdict.ACCEPTED if passed else Verdict.FUTILE), won, cast

    def _stream(
        self, mode: RegionMode, place: int, ball: Ball
    ) -> Generator[list[Ballot], Counts, tuple[Verdict, int, int]]:
        """Chunk by chunk, until the e-process accepts or there is no hope."""
        test, futility = EProcess(ball.share, mode.alpha), Futility(ball.share, mode.futility)
        won = cast = chunk = 0
        while True:
            counts = yield self.ballots(place, chunk, 1)
            chunk += 1
            self.votes += CHUNK
            won, cast = won + int(counts[0, self.label]), cast + CHUNK
            sample = StreamedSample(won, cast)
            if test.accepts(sample):
                return Verdict.ACCEPTED, won, cast
            if futility.stops(sample):
                return Verdict.FUTILE, won, cast
            left = (mode.max_votes - self.votes) // CHUNK * CHUNK
            if left <= 0 or cannot_accept(sample, left, test):
                return Verdict.EXHAUSTED, won, cast

    def _least(self, mode: RegionMode, places: list[int]) -> int | None:
        """Votes that unanimity would still need at these centres; None where none suffice."""
        if mode.rule == "fixed":
            return len(places) * chunks(mode.n) * CHUNK
        total = 0
        for place in places:
            if (least := least_votes(self.cover.balls[place].share, mode.alpha)) is None:
                return None
            total += least
        return total

    def _reached(
        self,
        failed: Ball,
        reason: AbstainReason,
        evidence: list[CentreEvidence],
        least_n: int | None,
        inside_out: bool,
    ) -> Certificate:
        """What is left when ``failed`` is: the region up to its piece, inside-out, or nothing."""
        if inside_out and failed.start > 0.0:
            return self._certified(failed.start, evidence)
        return self._abstained(reason, evidence, least_n)

    def _certified(self, gauge: float, evidence: list[CentreEvidence]) -> Certified:
        region = self.cover.region.scaled(gauge)
        return Certified(
            self.label, region, gauge, self.cover.guarantee, self.alpha, tuple(evidence)
        )

    def fixed(self, mode: RadiusMode) -> Trial:
        """Centres from the inside outwards, n votes each, while they can still add to the region.

        The certified gauge is the least over centres of what each one's bound supports. If it is
        too large, the one centre that limits the true region has p_lower > p: at most alpha (C5).
        """
        cast = chunks(mode.n) * CHUNK
        rng = Coordinate(self.smoothed.seed, self.index, Purpose.BOUND, 0, 0).generator()
        draws = rng.random(len(self.cover.balls))
        order = sorted(range(len(self.cover.balls)), key=lambda i: self.cover.balls[i].start)
        evidence = [
            _evidence(ball, 0, 0, Verdict.UNTESTED, ball.profile) for ball in self.cover.balls
        ]
        gauge = 1.0
        for place in order:
            ball = self.cover.balls[place]
            if ball.start >= gauge:
                break
            counts = yield self.ballots(place, 0, chunks(mode.n))
            self.votes += cast
            won = int(counts[:, self.label].sum())
            p_lower = self._p_lower(mode, won, cast, float(draws[place]))
            profile = ball.profile_for(p_lower)
            reached = _supported(profile, p_lower)
            gauge = min(gauge, reached)
            verdict = Verdict.ACCEPTED if reached > ball.start else Verdict.FUTILE
            evidence[place] = _evidence(ball, won, cast, verdict, profile)
        if gauge <= 0.0:
            least = self._least_fixed(mode)
            reason = AbstainReason.FUTILE if least == cast else AbstainReason.BUDGET
            return self._abstained(reason, evidence, None if least == cast else least)
        return self._certified(gauge, evidence)

    def _least_fixed(self, mode: RadiusMode) -> int | None:
        """Votes a centre, at least n, by which unanimity supports some gauge; None where none."""
        share = max(_first_share(ball) for ball in self.cover.balls if ball.start == 0.0)
        try:
            return chunks(max(mode.n, least_n_fixed(share, mode.alpha))) * CHUNK
        except UnreachableError:
            return None

    def _p_lower(self, mode: RadiusMode, won: int, cast: int, draw: float) -> float:
        if mode.bound == "randomized":
            return randomized_clopper_pearson_lower(won, cast, mode.alpha, draw)
        return FixedBound(cast, mode.alpha).lower(FixedSample(won, cast))

    def _abstained(
        self, reason: AbstainReason, evidence: list[CentreEvidence], least_n: int | None
    ) -> Abstained:
        return Abstained(
            reason, self.label, least_n, self.cover.guarantee, self.alpha, tuple(evidence)
        )


def _supported(profile: tuple[Step, ...], p_lower: float) -> float:
    """Largest gauge whose share, and every smaller one's, lies below p_lower."""
    gauge = 0.0
    for step in profile:
        # A share of 0 asks for nothing, not even for one vote: the region is not there yet.
        if step.share > 0.0 and step.share >= p_lower:
            break
        gauge = step.gauge
    return gauge


def _first_share(ball: Ball) -> float:
    """The share that the smallest sub-region needs."""
    return ball.profile[0].share if ball.share_at is None else ball.share_at(0.0)


def _tested(ball: Ball, won: int, cast: int, verdict: Verdict, inside_out: bool) -> CentreEvidence:
    """Evidence of region mode; inside-out it says from which gauge on the centre is needed."""
    start = (Step(ball.start, 0.0),) if ball.start > 0.0 else ()
    profile = (*start, Step(1.0, ball.share)) if inside_out else ()
    return _evidence(ball, won, cast, verdict, profile)


def _evidence(
    ball: Ball, won: int, cast: int, verdict: Verdict, profile: tuple[Step, ...]
) -> CentreEvidence:
    return CentreEvidence(ball.theta, ball.margin, ball.share, won, cast, verdict, profile)

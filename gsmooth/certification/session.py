"""VotingSession: the cover of one image, the selected class, and the votes spent so far."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

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
from gsmooth.certification.mixture import chosen_mixture
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.outlook import Outlook
from gsmooth.certification.task import CertifyTask
from gsmooth.cover import Ball, Cover, PilotEstimates
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.theory.bounds import predict_test
from gsmooth.theory.centre_test import CentreMixture, ClassCounts

T = TypeVar("T")

Counts = NDArray[np.int64]
"""Votes by class, the last of them ties: (requests, classes + 1) or, summed, (classes + 1,)."""

Voting = Generator[list[SampleRequest], Counts, T]
"""Yields requests for votes, is sent their counts, and returns a T."""


@dataclass
class VotingSession:
    """The state of one image's test.

    Args:
        task: What is certified, and how.
        index: The index of the image.
        cover: The cover that is tested.
        selected: The selection votes by class, the last of them ties: (classes + 1,).
        votes: Votes spent on the image so far.
        attempts: Covers that share alpha; the tests of each are made at ``level``.
        outlook: What the centres are expected to cost, where the cover was planned by votes.
        stream: The stream of estimation votes, another one for each attempt.
        evidence: The evidence of the centres of the cover, in their order.
    """

    task: CertifyTask
    index: int
    cover: Cover
    selected: Counts
    votes: int
    attempts: int = 1
    outlook: Outlook | None = None
    stream: Stream = Stream.ESTIMATION
    evidence: list[CentreEvidence] = field(default_factory=list)

    @property
    def label(self) -> int:
        """The selected class: the one with most selection votes, the first of several."""
        return int(np.argmax(self.selected[:-1]))

    @property
    def alpha(self) -> float:
        """Failure probability of the certificate."""
        return self.task.rule.alpha

    @property
    def mixture(self) -> CentreMixture:
        """The weights of the tests of every centre, chosen by the selection votes."""
        return chosen_mixture(self.task, self.selected.tolist())

    @property
    def level(self) -> float:
        """The level of every test, alpha / attempts."""
        return self.alpha / self.attempts

    def counts(self, tally: Counts) -> ClassCounts:
        """Votes (classes + 1,), the last of them ties, as the test of a centre sees them."""
        return ClassCounts.of(tally.tolist(), self.label)

    def requests(self, centre: int, first: int, votes: int) -> list[SampleRequest]:
        """Requests for estimation votes at one centre: whole chunks, then one with the rest.

        Args:
            centre: The number of the ball.
            first: The number of the first chunk.
            votes: How many votes.
        """
        z, seed = self.cover.balls[centre].z, self.task.smoothed.seed
        return [
            SampleRequest(
                SampleKey(seed, self.index, self.stream, centre, first + place),
                z,
                min(CHUNK, votes - place * CHUNK),
            )
            for place in range(-(-votes // CHUNK))
        ]

    def begin(self, profiles: Sequence[tuple[Step, ...]]) -> None:
        """Begin the test of the cover: no centre of it is tested yet.

        Args:
            profiles: What nested sub-regions require of each ball, as it is recorded.
        """
        balls, none = self.cover.balls, self.untallied()
        self.evidence = [
            self._evidence(ball, none, Verdict.UNTESTED, profile)
            for ball, profile in zip(balls, profiles, strict=True)
        ]

    def record(
        self, place: int, tally: Counts, verdict: Verdict, profile: tuple[Step, ...] | None = None
    ) -> None:
        """Keep the evidence of one centre.

        Args:
            place: The number of the ball.
            tally: Its votes by class, the last of them ties: (classes + 1,).
            verdict: The result of the test.
            profile: See :meth:`begin`; by default the one that was recorded there.
        """
        kept = self.evidence[place].profile if profile is None else profile
        self.evidence[place] = self._evidence(self.cover.balls[place], tally, verdict, kept)

    def retry(self, cover: Cover, estimates: PilotEstimates) -> None:
        """Go on with another cover, planned by these votes; its own have another stream."""
        self.cover, self.stream = cover, Stream.SECOND
        if self.outlook is not None:
            self.outlook = replace(self.outlook, estimates=estimates)

    def tested(self) -> PilotEstimates:
        """The votes of the centres that were tested."""
        seen = [centre for centre in self.evidence if centre.trials]
        return PilotEstimates(
            np.array([centre.theta for centre in seen]),
            np.array([float(centre.successes) for centre in seen]),
            np.array([float(centre.trials) for centre in seen]),
        )

    def expected(self, places: Sequence[int], found: tuple[int, int, int] | None = None) -> float:
        """Expected votes of these balls together; 0 where the cover was not planned by votes.

        Args:
            places: The numbers of the balls.
            found: The number of a ball that is being tested, its votes that are won, and all.
        """
        if self.outlook is None:
            return 0.0
        seen, balls = self.tested(), [self.cover.balls[place] for place in places]
        if found is not None:
            place, won, cast = found
            at = np.array([self.cover.balls[place].theta]).reshape(1, -1)
            seen = seen.join(PilotEstimates(at, np.array([float(won)]), np.array([float(cast)])))
        theta = np.array([ball.theta for ball in balls])
        return self.outlook.votes(theta, np.array([ball.required_p for ball in balls]), seen)

    def certified(self, fraction: float) -> Outcome:
        """The certificate of the region scaled by ``fraction``."""
        return self._outcome(
            Certified(
                label=self.label,
                region=self.cover.region.scaled(fraction),
                fraction=fraction,
                guarantee=self.cover.guarantee,
                alpha=self.alpha,
                evidence=tuple(self.evidence),
                attempts=self.attempts,
            )
        )

    def abstained(self, reason: AbstainReason, least_n: int | None = None) -> Outcome:
        """The abstention."""
        return self._outcome(
            Abstained(
                reason=reason,
                label=self.label,
                least_n=least_n,
                guarantee=self.cover.guarantee,
                alpha=self.alpha,
                evidence=tuple(self.evidence),
                attempts=self.attempts,
            )
        )

    def untallied(self) -> Counts:
        """No votes yet (classes + 1,), the last of them ties."""
        return np.zeros(self.task.smoothed.classifier.classes + 1, dtype=np.int64)

    def settled(self, outcome: Outcome) -> Outcome:
        """The outcome with all votes of the session; those that it does not rest on are pilots."""
        tested = sum(centre.trials for centre in outcome.certificate.evidence)
        others = self.votes - int(self.selected.sum()) - tested
        return replace(outcome, votes=self.votes, pilot_votes=others)

    def _outcome(self, certificate: Certificate) -> Outcome:
        votes = tuple(self.selected.tolist())
        answer = Prediction(self.task.rule.looks.prediction(votes), votes, self.alpha)
        return Outcome(self.index, certificate, answer, self.votes)

    def _evidence(
        self, ball: Ball, tally: Counts, verdict: Verdict, profile: tuple[Step, ...]
    ) -> CentreEvidence:
        """Votes for every class are kept: a bound on the second class can also certify (T1)."""
        *votes, ties = tally.tolist()
        return CentreEvidence(
            theta=ball.theta,
            margin=ball.margin,
            required_p=ball.required_p,
            successes=votes[self.label],
            trials=sum(votes) + ties,
            verdict=verdict,
            profile=profile,
            class_votes=tuple((label, count) for label, count in enumerate(votes) if count),
            ties=ties,
        )


def prediction(counts: Counts, alpha: float) -> Prediction:
    """PREDICT's answer (S3): wrong with probability at most alpha, or an abstention.

    Args:
        counts: Votes by class (classes + 1,), the last of them ties.
        alpha: Level of the test that the first class has more votes than the second.
    """
    votes = counts[:-1]
    first, second = np.argsort(-votes, kind="stable")[:2]
    test = predict_test(int(votes[first]), int(votes[second]), alpha)
    label = int(first) if test.decided else None
    return Prediction(label, tuple(int(v) for v in counts), alpha)

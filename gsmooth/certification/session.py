"""VotingSession: the cover of one image, the selected class, and the votes spent so far."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certified,
    Step,
    Verdict,
)
from gsmooth.cover import Ball, Cover
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier

T = TypeVar("T")

Counts = NDArray[np.int64]
"""Votes by class, the last of them ties: (requests, classes + 1) or, summed, (classes + 1,)."""

Voting = Generator[list[SampleRequest], Counts, T]
"""Yields requests for votes, is sent their counts, and returns a T."""


@dataclass
class VotingSession:
    """The state of one image's test.

    Args:
        smoothed: The smoothed classifier.
        index: The index of the image.
        cover: The cover that is tested.
        label: The selected class.
        alpha: Failure probability of the certificate.
        attempts: Covers that share alpha; the tests of each are made at ``level``.
        votes: Votes spent on the image so far.
        stream: The stream of estimation votes, another one for each attempt.
    """

    smoothed: SmoothedClassifier
    index: int
    cover: Cover
    label: int
    alpha: float
    attempts: int
    votes: int
    stream: Stream = Stream.ESTIMATION

    @property
    def level(self) -> float:
        """The level of every test, alpha / attempts."""
        return self.alpha / self.attempts

    def requests(self, centre: int, first: int, votes: int) -> list[SampleRequest]:
        """Requests for estimation votes at one centre: whole chunks, then one with the rest.

        Args:
            centre: The number of the ball.
            first: The number of the first chunk.
            votes: How many votes.
        """
        z, seed = self.cover.balls[centre].z, self.smoothed.seed
        return [
            SampleRequest(
                SampleKey(seed, self.index, self.stream, centre, first + place),
                z,
                min(CHUNK, votes - place * CHUNK),
            )
            for place in range(-(-votes // CHUNK))
        ]

    def certified(self, fraction: float, evidence: list[CentreEvidence]) -> Certified:
        """The certificate of the region scaled by ``fraction``."""
        return Certified(
            label=self.label,
            region=self.cover.region.scaled(fraction),
            fraction=fraction,
            guarantee=self.cover.guarantee,
            alpha=self.alpha,
            evidence=tuple(evidence),
            attempts=self.attempts,
        )

    def abstained(
        self, reason: AbstainReason, evidence: list[CentreEvidence], least_n: int | None
    ) -> Abstained:
        """The abstention."""
        return Abstained(
            reason=reason,
            label=self.label,
            least_n=least_n,
            guarantee=self.cover.guarantee,
            alpha=self.alpha,
            evidence=tuple(evidence),
            attempts=self.attempts,
        )

    def untallied(self) -> Counts:
        """No votes yet (classes + 1,), the last of them ties."""
        return np.zeros(self.smoothed.classifier.classes + 1, dtype=np.int64)

    def evidence_of(
        self, ball: Ball, tally: Counts, verdict: Verdict, profile: tuple[Step, ...]
    ) -> CentreEvidence:
        """The evidence of one centre; tally (classes + 1,): its votes, the last are ties.

        Votes for every class are kept, because a bound on the second class can also certify (T1).
        """
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

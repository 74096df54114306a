"""Deciding one image, from the first request to the certificate."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from gsmooth.certificate import (
    AbstainReason,
    CentreEvidence,
    Certificate,
    Certified,
    Prediction,
)
from gsmooth.certification.radius import run_radius_test
from gsmooth.certification.region import run_region_test
from gsmooth.certification.rules import Mode, RadiusMode, RegionMode, chunks
from gsmooth.certification.session import Counts, VotingSession
from gsmooth.cover import CoverPlan, PilotEstimates
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.bounds import predict_test

PILOT_VOTES: Final = 8
"""Votes at each point that a cover is chosen by."""


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


Decision = Generator[list[SampleRequest], Counts, Finding]


def decide(smoothed: SmoothedClassifier, index: int, plan: CoverPlan, mode: Mode) -> Decision:
    """A generator that yields requests, is sent their counts (len, classes + 1), and decides.

    Selection votes choose the class and are PREDICT's, pilot votes choose the cover; estimation
    votes are fresh, so both are fixed independently of them (S2, C5).
    """
    chosen = [
        SampleRequest(SampleKey(smoothed.seed, index, Stream.SELECTION, 0, chunk), plan.clean)
        for chunk in range(chunks(mode.n0))
    ]
    pilots = [
        SampleRequest(SampleKey(smoothed.seed, index, Stream.PILOT, place, 0), pilot.z, PILOT_VOTES)
        for place, pilot in enumerate(plan.pilots)
    ]
    counts = yield [*chosen, *pilots]
    selected = counts[: len(chosen)].sum(axis=0)
    label = int(np.argmax(selected[:-1]))
    estimates = _pilot_estimates(plan, counts[len(chosen) :, label])
    attempts = mode.tries if isinstance(mode, RegionMode) and pilots else 1
    session = VotingSession(
        smoothed, index, plan.drawn(estimates), label, mode.alpha, attempts, int(counts.sum())
    )
    if not session.cover.balls:
        certificate: Certificate = session.abstained(AbstainReason.IMPOSSIBLE, [], None)
    elif isinstance(mode, RadiusMode):
        certificate = yield from run_radius_test(session, mode)
    else:
        certificate = yield from _try_twice(session, plan, estimates, mode)
    tested = sum(centre.trials for centre in certificate.evidence)
    others = session.votes - int(selected.sum()) - tested
    return Finding(certificate, prediction(selected, mode.alpha), session.votes, others)


def _try_twice(
    session: VotingSession, plan: CoverPlan, estimates: PilotEstimates, mode: RegionMode
) -> Generator[list[SampleRequest], Counts, Certificate]:
    """A second cover, drawn by what the first one's votes say, where that one did not pass.

    Each cover is fixed before its own votes, and its tests are made at alpha / 2: the certificate
    that is returned is false only if one of two has failed, so with probability at most alpha. The
    first attempt's votes count for nothing in the second.
    """
    first = yield from run_region_test(session, mode)
    if session.attempts == 1 or _fraction(first) == 1.0:
        return first
    learnt = estimates.join(_tested(first.evidence))
    again = plan.redrawn(learnt, mode.max_votes - session.votes)
    if again is None:
        return first
    session.cover, session.stream = again, Stream.SECOND
    second = yield from run_region_test(session, mode)
    return second if _fraction(second) >= _fraction(first) else first


def _fraction(certificate: Certificate) -> float:
    return certificate.fraction if isinstance(certificate, Certified) else 0.0


def _pilot_estimates(plan: CoverPlan, won: Counts) -> PilotEstimates:
    theta = np.array([pilot.theta for pilot in plan.pilots])
    return PilotEstimates(theta, won.astype(np.float64), np.full(len(won), float(PILOT_VOTES)))


def _tested(evidence: Sequence[CentreEvidence]) -> PilotEstimates:
    """The votes of the centres that were tested."""
    seen = [centre for centre in evidence if centre.trials]
    return PilotEstimates(
        np.array([centre.theta for centre in seen]),
        np.array([float(centre.successes) for centre in seen]),
        np.array([float(centre.trials) for centre in seen]),
    )


def prediction(counts: Counts, alpha: float) -> Prediction:
    """PREDICT's answer for counts (classes + 1,), the last of them ties.

    A class is wrong with probability at most alpha, otherwise it abstains (S3).
    """
    votes = counts[:-1]
    first, second = np.argsort(-votes, kind="stable")[:2]
    test = predict_test(int(votes[first]), int(votes[second]), alpha)
    label = int(first) if test.decided else None
    return Prediction(label, tuple(int(v) for v in counts), alpha)

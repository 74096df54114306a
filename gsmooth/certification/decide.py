"""Deciding one image, from the first request for votes to the certificate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsmooth.certificate import (
    AbstainReason,
    CentreEvidence,
    Certificate,
    Certified,
    Prediction,
)
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.radius import run_radius_test
from gsmooth.certification.region import run_region_test
from gsmooth.certification.rules import Mode, RadiusMode, RegionMode, chunks
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Cover, CoverPlan, PilotEstimates
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.bounds import predict_test


def decide(
    smoothed: SmoothedClassifier, index: int, cover: Cover | CoverPlan, mode: Mode
) -> Voting[Outcome]:
    """Select a class, choose a cover if there is only a plan of one, and test the cover.

    Selection votes choose the class and give PREDICT's answer; pilot votes choose the cover.
    Estimation votes are fresh, so class and cover are fixed independently of them: the bounds need
    votes that are drawn after what they are about (S2), and then every centre may be tested at the
    full alpha (C5).

    Args:
        smoothed: The smoothed classifier whose votes are requested.
        index: The index of the image.
        cover: The cover of the image, or the plan of one.
        mode: The rule of decision.

    Returns:
        A generator that yields requests, is sent their counts (requests, classes + 1), and returns
        the outcome, with ``seconds`` 0.
    """
    plan = None if isinstance(cover, Cover) else cover
    selection = [
        SampleRequest(SampleKey(smoothed.seed, index, Stream.SELECTION, 0, chunk), cover.clean)
        for chunk in range(chunks(mode.n0))
    ]
    pilots = _pilot_requests(smoothed, index, plan) if plan else []
    counts = yield [*selection, *pilots]
    selected = counts[: len(selection)].sum(axis=0)
    label, spent = int(np.argmax(selected[:-1])), int(counts.sum())
    if isinstance(cover, Cover):
        session = VotingSession(smoothed, index, cover, label, mode.alpha, 1, spent)
        certificate = yield from _run_test(session, mode)
    else:
        estimates = _pilot_estimates(cover, counts[len(selection) :, label])
        first, attempts = cover.plan(estimates), mode.tries
        session = VotingSession(smoothed, index, first, label, mode.alpha, attempts, spent)
        certificate = yield from _run_tests(session, cover, estimates, mode)
    tested = sum(centre.trials for centre in certificate.evidence)
    others = session.votes - int(selected.sum()) - tested
    answer = prediction(selected, mode.alpha)
    return Outcome(index, certificate, answer, session.votes, pilot_votes=others)


def _pilot_requests(
    smoothed: SmoothedClassifier, index: int, plan: CoverPlan
) -> list[SampleRequest]:
    return [
        SampleRequest(
            SampleKey(smoothed.seed, index, Stream.PILOT, place, 0),
            pilot.z,
            CERTIFICATION.pilot_votes,
        )
        for place, pilot in enumerate(plan.pilots)
    ]


def _run_test(session: VotingSession, mode: Mode) -> Voting[Certificate]:
    """The test of the session's cover; a cover without balls is of no possible image."""
    if not session.cover.balls:
        return session.abstained(AbstainReason.IMPOSSIBLE, [], None)
    if isinstance(mode, RadiusMode):
        return (yield from run_radius_test(session, mode))
    return (yield from run_region_test(session, mode))


def _run_tests(
    session: VotingSession, plan: CoverPlan, estimates: PilotEstimates, mode: Mode
) -> Voting[Certificate]:
    """The test of the first cover, and of a second one if the first did not pass.

    Each cover is fixed before its own votes, and its tests are made at alpha / 2: the certificate
    that is returned is false only if one of two has failed, so with probability at most alpha. The
    votes of the first attempt choose the second cover, and do not count for it.
    """
    first = yield from _run_test(session, mode)
    if session.attempts == 1 or not isinstance(mode, RegionMode) or _fraction(first) == 1.0:
        return first
    all_votes = estimates.join(_tested(first.evidence))
    again = plan.replan(all_votes, mode.max_votes - session.votes)
    if again is None:
        return first
    session.cover, session.stream = again, Stream.SECOND
    second = yield from _run_test(session, mode)
    return second if _fraction(second) >= _fraction(first) else first


def _fraction(certificate: Certificate) -> float:
    return certificate.fraction if isinstance(certificate, Certified) else 0.0


def _pilot_estimates(plan: CoverPlan, won: Counts) -> PilotEstimates:
    theta = np.array([pilot.theta for pilot in plan.pilots])
    cast = np.full(len(won), float(CERTIFICATION.pilot_votes))
    return PilotEstimates(theta, won.astype(np.float64), cast)


def _tested(evidence: Sequence[CentreEvidence]) -> PilotEstimates:
    """The votes of the centres that were tested."""
    seen = [centre for centre in evidence if centre.trials]
    return PilotEstimates(
        np.array([centre.theta for centre in seen]),
        np.array([float(centre.successes) for centre in seen]),
        np.array([float(centre.trials) for centre in seen]),
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

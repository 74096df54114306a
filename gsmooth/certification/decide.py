"""Deciding one image, from the first request for votes to the certificate."""

from __future__ import annotations

import numpy as np

from gsmooth.certificate import AbstainReason, Certified
from gsmooth.certification.mixture import chosen_mixture
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.outlook import Outlook
from gsmooth.certification.radius import run_radius_test
from gsmooth.certification.region import run_region_test
from gsmooth.certification.rules import Mode, RadiusMode, RegionMode
from gsmooth.certification.selection import select
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.certification.task import CertifyTask
from gsmooth.cover import Cover, CoverPlan, PilotEstimates
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest


def decide(task: CertifyTask, index: int, cover: Cover | CoverPlan) -> Voting[Outcome]:
    """Select a class, choose a cover if there is only the plan of one, and test the cover.

    Selection votes choose the class and give PREDICT's answer; pilot votes choose the cover.
    Estimation votes are fresh, so class and cover are fixed independently of them: the bounds need
    votes that are drawn after what they are about (S2), and then every centre may be tested at the
    full alpha (C5).

    Args:
        task: What is certified, and how.
        index: The index of the image.
        cover: The cover of the image, or the plan of one.

    Returns:
        A generator that yields requests, is sent their counts (requests, classes + 1), and returns
        the outcome, with ``seconds`` 0.
    """
    selected = yield from select(task.rule.looks, task.smoothed.seed, index, cover.clean)
    spent = int(selected.sum())
    if isinstance(cover, Cover):
        session = VotingSession(task, index, cover, selected, spent)
        return session.settled((yield from _run_test(session)))
    label = int(np.argmax(selected[:-1]))
    estimates = _selection_estimates(cover, selected)
    if (first := cover.without_pilots(estimates)) is not None:
        attempts = 1
    else:
        pilots = yield _pilot_requests(task, index, cover)
        spent += int(pilots.sum())
        more = _pilot_estimates(cover, pilots[:, label])
        estimates = more if task.smoothed.law.periodic else estimates.join(more)
        first, attempts = cover.plan(estimates), _attempts(task.rule, selected, pilots)
    outlook = _outlook(task, estimates, selected)
    session = VotingSession(task, index, first, selected, spent, attempts, outlook)
    return session.settled((yield from _run_tests(session, cover, estimates)))


def _attempts(mode: Mode, selected: Counts, pilots: Counts) -> int:
    """Covers that share alpha: one where all votes so far agree.

    Its first cover then passes nearly always, so a second one would only cost votes; nor is there
    another where no pilots have a choice to make, and the cover is a single ball. The votes that
    are tested have no part in this.
    """
    counts = pilots.sum(axis=0) + selected
    unanimous = int(counts[:-1].max()) == int(counts.sum())
    return 1 if mode.rule == "runner-up" and unanimous else mode.tries


def _pilot_requests(task: CertifyTask, index: int, plan: CoverPlan) -> list[SampleRequest]:
    seed = task.smoothed.seed
    return [
        SampleRequest(SampleKey(seed, index, Stream.PILOT, place, 0), z, CERTIFICATION.pilot_votes)
        for place, z in enumerate(plan.pilots)
    ]


def _run_test(session: VotingSession) -> Voting[Outcome]:
    """The test of the session's cover; a cover without balls is of no possible image."""
    if not session.cover.balls:
        return session.abstained(AbstainReason.IMPOSSIBLE)
    if isinstance(session.task.rule, RadiusMode):
        return (yield from run_radius_test(session))
    return (yield from run_region_test(session))


def _run_tests(
    session: VotingSession, plan: CoverPlan, estimates: PilotEstimates
) -> Voting[Outcome]:
    """The test of the first cover, and of a second one if the first did not pass.

    Each cover is fixed before its own votes, and its tests are made at alpha / 2: the certificate
    that is returned is false only if one of two has failed, so with probability at most alpha. The
    votes of the first attempt choose the second cover, and do not count for it.
    """
    first, rule = (yield from _run_test(session)), session.task.rule
    if session.attempts == 1 or not isinstance(rule, RegionMode) or _fraction(first) == 1.0:
        return first
    all_votes = estimates.join(session.tested())
    again = plan.replan(all_votes, rule.max_votes - session.votes)
    if again is None:
        return first
    session.retry(again, all_votes)
    second = yield from _run_test(session)
    return second if _fraction(second) >= _fraction(first) else first


def _fraction(outcome: Outcome) -> float:
    found = outcome.certificate
    return found.fraction if isinstance(found, Certified) else 0.0


def _selection_estimates(plan: CoverPlan, selected: Counts) -> PilotEstimates:
    """The selection votes as pilots at the clean image, where all parameters are 0."""
    theta = np.zeros((1, plan.pilot_theta.shape[1]))
    won, cast = float(selected[:-1].max()), float(selected.sum())
    return PilotEstimates(theta, np.array([won]), np.array([cast]))


def _outlook(task: CertifyTask, estimates: PilotEstimates, selected: Counts) -> Outlook | None:
    """What the centres are expected to cost; None where no votes may choose the cover."""
    if (price := task.rule.price) is None:
        return None
    rival = 1.0
    if chosen_mixture(task, selected.tolist()).runner_up:
        *_, second, first = np.sort(selected[:-1]).tolist()
        rival = (second + 1.0) / (int(selected.sum()) - first + 1.0)
    return Outlook(estimates, task.smoothed.law.periodic, price, rival)


def _pilot_estimates(plan: CoverPlan, won: Counts) -> PilotEstimates:
    cast = np.full(len(won), float(CERTIFICATION.pilot_votes))
    return PilotEstimates(plan.pilot_theta, won.astype(np.float64), cast)

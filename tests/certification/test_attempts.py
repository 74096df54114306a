"""Pilots, and a second cover by what the first one's votes have shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from gsmooth.certificate import Abstained, AbstainReason, Certified
from gsmooth.certification import Outcome, RegionMode, least_votes
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Cover, PilotEstimates
from gsmooth.sampling.noise import CHUNK, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.transforms.region import Region
from tests.certification.fake_votes import ZERO, G, ball, cover, share_of, tried, unanimous
from tests.certifying import certify, decide
from tests.engine_objects import Counts, on_ring, told, turned

PILOT_VOTES = CERTIFICATION.pilot_votes


def least(margin: float, alpha: float = 0.0005) -> int:
    found = least_votes(share_of(margin), alpha)
    assert found is not None
    return found


class NotedPlan:
    """A plan with two pilots that keeps the estimates and budgets it gets."""

    def __init__(self, again: Cover | None = None) -> None:
        self.clean = ZERO
        self.pilots = torch.stack([ZERO, ZERO + 1.0])
        self.pilot_theta = np.array([[-1.0], [1.0]])
        self.all_estimates: list[PilotEstimates] = []
        self.budgets: list[float] = []
        self.again = again

    def plan(self, estimates: PilotEstimates) -> Cover:
        self.all_estimates.append(estimates)
        return cover(ball(0.5), ball(0.5))

    def replan(self, estimates: PilotEstimates, budget: float) -> Cover | None:
        self.all_estimates.append(estimates)
        self.budgets.append(budget)
        return self.again


def estimated(plan: NotedPlan, mode: RegionMode, votes: Callable[[SampleRequest], int]) -> Outcome:
    """Class 1 gets ``votes`` of every request."""

    def reply(requests: list[SampleRequest]) -> Counts:
        asked.extend(requests)
        won = [votes(request) for request in requests]
        return np.array([(b.rows - w, w, 0) for b, w in zip(requests, won, strict=True)])

    asked: list[SampleRequest] = []
    outcome = told(decide(G, 3, plan, mode), reply)
    assert len({request.sample_key for request in asked}) == len(asked)
    assert outcome.votes == sum(request.rows for request in asked)
    spent = sum(centre.trials for centre in outcome.certificate.evidence)
    assert outcome.votes == CHUNK + outcome.pilot_votes + spent
    return outcome


def test_pilot_votes_choose_the_cover_and_never_count_for_it() -> None:
    plan = NotedPlan()
    outcome = estimated(
        plan,
        RegionMode(rule="e-process"),
        lambda b: 4 if b.sample_key.stream is Stream.PILOT else b.rows,
    )
    (estimates,) = plan.all_estimates
    assert estimates.won.tolist() == [4.0, 4.0]
    assert estimates.cast.tolist() == [PILOT_VOTES, PILOT_VOTES]
    assert estimates.theta.tolist() == [[-1.0], [1.0]]
    assert outcome.pilot_votes == 2 * PILOT_VOTES
    assert outcome.prediction.counts == (0, CHUNK, 0)
    assert isinstance(outcome.certificate, Certified)
    assert [centre.trials for centre in outcome.certificate.evidence] == [least(0.5), least(0.5)]


def stubborn(request: SampleRequest) -> int:
    """Unanimous, but at the second centre of the first cover."""
    at = request.sample_key
    return request.rows // 3 if (at.stream, at.centre) == (Stream.ESTIMATION, 1) else request.rows


def test_a_cover_that_fails_is_drawn_again_by_all_votes_so_far_and_tried_with_fresh_ones() -> None:
    plan = NotedPlan(again=cover(ball(0.3)))
    outcome = estimated(plan, RegionMode(rule="e-process"), stubborn)
    certificate = outcome.certificate
    assert isinstance(certificate, Certified)
    assert [centre.trials for centre in certificate.evidence] == [least(0.3)]
    stubborn_won, stubborn_cast = plan.all_estimates[1].won[3], plan.all_estimates[1].cast[3]
    assert plan.all_estimates[1].won[:3].tolist() == [PILOT_VOTES, PILOT_VOTES, least(0.5)]
    assert plan.all_estimates[1].cast[:3].tolist() == [PILOT_VOTES, PILOT_VOTES, least(0.5)]
    assert 0.2 < stubborn_won / stubborn_cast < 0.4
    others = 2 * PILOT_VOTES + least(0.5) + stubborn_cast
    assert plan.budgets == [5000 - CHUNK - others]
    assert outcome.pilot_votes == others


def test_where_no_second_cover_pays_the_first_verdict_stands() -> None:
    outcome = estimated(NotedPlan(), RegionMode(rule="e-process"), stubborn)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.FUTILE
    assert len(outcome.certificate.evidence) == 2


def test_one_attempt_is_never_followed_by_another() -> None:
    plan = NotedPlan(again=cover(ball(0.3)))
    outcome = estimated(plan, RegionMode(rule="e-process", attempts=1), stubborn)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.attempts == 1
    assert len(plan.all_estimates) == 1


def test_attempts_share_alpha_whether_or_not_the_second_is_made() -> None:
    for votes in (stubborn, lambda request: request.rows):
        outcome = estimated(NotedPlan(again=cover(ball(0.3))), RegionMode(rule="e-process"), votes)
        assert (outcome.certificate.alpha, outcome.certificate.attempts) == (0.001, 2)
    plan = NotedPlan()
    assert estimated(plan, RegionMode(rule="e-process"), lambda b: b.rows).certificate.evidence[
        0
    ].trials == least(0.5)
    outcome = estimated(plan, RegionMode(rule="e-process", attempts=1), lambda b: b.rows)
    assert outcome.certificate.evidence[0].trials == least(0.5, 0.001) < least(0.5)


def test_a_region_in_which_nothing_moves_gets_all_of_alpha() -> None:
    region = Region((0.0,), (0.0,), l2=0.001)
    g = turned(lambda phase: phase.abs() < 90.0, 20.0)
    outcome = certify(g, on_ring(), region, RegionMode(rule="e-process"))
    assert outcome.pilot_votes == 0
    assert outcome.certificate.attempts == 1


def test_covers_that_are_not_chosen_by_cost_get_all_of_alpha() -> None:
    outcome = tried(cover(ball(0.5)), RegionMode(rule="e-process"), unanimous)
    assert outcome.certificate.attempts == 1

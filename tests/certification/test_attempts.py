"""Pilots, and a second cover by what the first one's votes have shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from gsmooth.certificate import Abstained, AbstainReason, Certified, Verdict
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

    def __init__(self, again: Cover | None = None, settled: Cover | None = None) -> None:
        self.clean = ZERO
        self.pilots = torch.stack([ZERO, ZERO + 1.0])
        self.pilot_theta = np.array([[-1.0], [1.0]])
        self.all_estimates: list[PilotEstimates] = []
        self.budgets: list[float] = []
        self.again = again
        self.settled = settled

    def without_pilots(self, selection: PilotEstimates) -> Cover | None:
        self.all_estimates.append(selection)
        return self.settled

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
    selection, estimates = plan.all_estimates
    assert (selection.won.tolist(), selection.cast.tolist()) == ([CHUNK], [CHUNK])
    assert estimates.won.tolist() == [CHUNK, 4.0, 4.0]
    assert estimates.cast.tolist() == [CHUNK, PILOT_VOTES, PILOT_VOTES]
    assert estimates.theta.tolist() == [[0.0], [-1.0], [1.0]]
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
    known, sure = plan.all_estimates[2], [CHUNK, PILOT_VOTES, PILOT_VOTES, least(0.5)]
    stubborn_won, stubborn_cast = known.won[4], known.cast[4]
    assert (known.won[:4].tolist(), known.cast[:4].tolist()) == (sure, sure)
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
    assert len(plan.all_estimates) == 2


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


@pytest.mark.parametrize("rule", ["runner-up", "e-process"])
def test_a_ball_that_pilots_cannot_change_costs_none_and_gets_all_of_alpha(
    rule: Literal["runner-up", "e-process"],
) -> None:
    plan = NotedPlan(again=cover(ball(0.3)), settled=cover(ball(0.5)))
    found = estimated(plan, RegionMode(rule=rule), mostly)
    assert found.pilot_votes == 0
    assert isinstance(found.certificate, Certified)
    assert found.certificate.attempts == 1
    lost = estimated(plan, RegionMode(rule=rule), lambda b: b.rows // (1 + b.sample_key.stream))
    assert isinstance(lost.certificate, Abstained)
    assert not plan.budgets


def mostly(request: SampleRequest) -> int:
    """All but one of the selection votes, and all others."""
    return request.rows - (request.sample_key.stream is Stream.SELECTION)


def test_an_image_whose_waiting_centres_are_hopeless_is_given_up_before_a_vote_at_any() -> None:
    far = replace(ball(1.5), theta=(1.0,))
    plan = NotedPlan(settled=cover(ball(1.5), far))
    none = estimated(plan, RegionMode(), lambda b: b.rows // 3)
    assert isinstance(none.certificate, Abstained)
    assert none.certificate.reason is AbstainReason.FUTILE
    assert none.votes == CHUNK
    assert [centre.verdict for centre in none.certificate.evidence] == [Verdict.UNTESTED] * 2


def test_votes_are_kept_for_the_centres_that_wait() -> None:
    needed = least(0.5)
    plan = NotedPlan(settled=cover(ball(0.5), ball(0.5)))
    for most, given_up in ((CHUNK + 2 * needed, True), (CHUNK + 2 * needed + 60, False)):
        mode = RegionMode(rule="e-process", max_votes=most)
        outcome = estimated(plan, mode, late)
        assert isinstance(outcome.certificate, Abstained) == given_up
        assert outcome.votes <= most - needed * given_up


def late(request: SampleRequest) -> int:
    """All votes but the very first at the first centre."""
    at = request.sample_key
    first = (at.stream, at.centre, at.chunk) == (Stream.ESTIMATION, 0, 0)
    return request.rows - first


@pytest.mark.parametrize(("lost", "votes"), [(0, 16), (1, CHUNK)])
def test_selection_votes_end_at_the_first_look_if_they_agree(lost: int, votes: int) -> None:
    def won(request: SampleRequest) -> int:
        at = request.sample_key
        return request.rows - (lost if (at.stream, at.chunk) == (Stream.SELECTION, 0) else 0)

    def reply(requests: list[SampleRequest]) -> Counts:
        asked.extend(r.rows for r in requests if r.sample_key.stream is Stream.SELECTION)
        return np.array([(r.rows - won(r), won(r), 0) for r in requests])

    asked: list[int] = []
    plan = NotedPlan(settled=cover(ball(0.5)))
    outcome = told(decide(G, 3, plan, RegionMode(n0_first=16)), reply)
    assert asked == ([16] if lost == 0 else [16, CHUNK - 16])
    assert outcome.prediction.counts == (lost, votes - lost, 0)
    assert outcome.prediction.label == 1
    assert isinstance(outcome.certificate, Certified)

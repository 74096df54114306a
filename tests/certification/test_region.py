"""Region mode with chosen counts of votes, without random numbers."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.certificate import Abstained, AbstainReason, Certified, Verdict
from gsmooth.certification import Mode, RadiusMode, RegionMode, chunks, least_votes
from gsmooth.cover import build_cover
from gsmooth.sampling.noise import CHUNK, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.theory.sequential import EProcess, StreamedSample
from gsmooth.transforms.region import Region
from tests.certification.fake_votes import (
    INNER,
    NESTED,
    G,
    ball,
    by_share,
    cover,
    fraction_of,
    share_of,
    steps,
    tried,
    unanimous,
)
from tests.certifying import decide
from tests.engine_objects import Counts, half_line, pixel, told


def least(margin: float, alpha: float = 0.001) -> int:
    found = least_votes(share_of(margin), alpha)
    assert found is not None
    return found


def test_unanimous_votes_certify_and_stop_as_soon_as_they_suffice() -> None:
    outcome = tried(cover(ball(2.0), ball(0.1)), RegionMode(rule="e-process"), unanimous)
    first, second = outcome.certificate.evidence
    assert isinstance(outcome.certificate, Certified)
    assert outcome.certificate.label == 1
    assert outcome.certificate.fraction == 1.0
    assert first.trials == least(2.0) == EProcess(share_of(2.0), 0.001).least_n()
    assert second.trials == least(0.1) < CHUNK
    assert outcome.votes == CHUNK + least(2.0) + least(0.1)


def test_estimation_votes_are_fresh_and_of_the_selected_class() -> None:
    asked: list[SampleRequest] = []

    def reply(requests: list[SampleRequest]) -> Counts:
        asked.extend(requests)
        return np.array([(b.rows - b.rows // 16, b.rows // 16, 0) for b in requests])

    outcome = told(decide(G, 3, cover(ball(0.5)), RegionMode(rule="e-process", n0=100)), reply)
    assert outcome.certificate.label == 0
    assert isinstance(outcome.certificate, Certified)
    purposes = [request.sample_key.stream for request in asked]
    assert purposes[:2] == [Stream.SELECTION] * 2
    assert set(purposes[2:]) == {Stream.ESTIMATION}
    assert len({request.sample_key for request in asked}) == len(asked)
    assert outcome.prediction.counts == (120, 8, 0)
    cast = sum(request.rows for request in asked[2:])
    assert outcome.certificate.evidence[0].trials == cast


def test_centres_are_tried_worst_first() -> None:
    g = half_line(-10.0, 0.5)
    order: list[int] = []

    def fake_votes(centre: int, chunk: int, rows: int) -> int:
        order.append(centre)
        return rows

    subject = cover(ball(2.0), ball(1.0), ball(0.1))
    tried(subject, RegionMode(rule="e-process"), fake_votes)
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}
    margins = [b.margin for b in build_cover(g, pixel(), Region(l2=0.2)).balls]
    assert margins == sorted(margins, reverse=True)


def test_a_failing_centre_ends_the_trial_and_later_ones_are_left_untested() -> None:
    outcome = tried(cover(ball(1.0), ball(0.9)), RegionMode(rule="e-process"), by_share(0.1))
    certificate = outcome.certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.FUTILE
    assert [e.verdict for e in certificate.evidence] == [Verdict.FUTILE, Verdict.UNTESTED]
    assert outcome.votes == CHUNK + certificate.evidence[0].trials <= 2 * CHUNK
    assert certificate.evidence[1].trials == 0


def test_every_centre_is_tested_at_the_full_alpha() -> None:
    subject = cover(*[ball(0.5)] * 10)
    accepted = tried(subject, RegionMode(rule="e-process", alpha=0.05), unanimous)
    assert isinstance(accepted.certificate, Certified)
    assert [e.trials for e in accepted.certificate.evidence] == [least(0.5, 0.05)] * 10

    def but_one(centre: int, chunk: int, rows: int) -> int:
        return rows - (centre == 9 and chunk == 0)

    one_less = tried(subject, RegionMode(rule="e-process", alpha=0.05), but_one)
    assert one_less.certificate.evidence[9].trials > least(0.5, 0.05)


def test_votes_that_run_out_abstain_for_want_of_budget() -> None:
    outcome = tried(
        cover(ball(1.0)), RegionMode(rule="e-process", max_votes=CHUNK * 5), by_share(0.84)
    )
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.BUDGET
    assert outcome.certificate.evidence[0].verdict is Verdict.EXHAUSTED
    assert outcome.votes <= CHUNK * 5


def test_a_hopeless_budget_is_known_before_a_vote_and_names_what_would_do() -> None:
    subject = cover(ball(2.0), ball(1.0))
    outcome = tried(subject, RegionMode(rule="e-process", max_votes=300), unanimous)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.BUDGET
    assert outcome.votes == CHUNK
    needed = outcome.certificate.least_n
    assert needed is not None
    again = tried(subject, RegionMode(rule="e-process", max_votes=needed), unanimous)
    assert isinstance(again.certificate, Certified)
    assert again.votes == needed
    short = tried(subject, RegionMode(rule="e-process", max_votes=needed - 1), unanimous)
    assert isinstance(short.certificate, Abstained)


@pytest.mark.parametrize("margin", [7.5, 8.0, 8.2, 9.0, math.inf])
@pytest.mark.parametrize("mode", [RegionMode(rule="e-process"), RadiusMode(n=128)])
def test_a_margin_beyond_all_votes_abstains_instead_of_stopping_the_run(
    margin: float, mode: Mode
) -> None:
    certificate = tried(cover(ball(margin), ball(0.5)), mode, unanimous).certificate
    assert isinstance(certificate, Abstained)
    beyond = share_of(margin) >= 1.0
    assert certificate.reason is (AbstainReason.UNREACHABLE if beyond else AbstainReason.BUDGET)
    assert certificate.least_n is None or (certificate.least_n > 10**12 and not beyond)


@pytest.mark.parametrize("rule", ["e-process", "fixed"])
@pytest.mark.parametrize("place", [0, 1])
def test_no_vote_is_cast_where_a_centre_is_out_of_reach(
    rule: Literal["e-process", "fixed"], place: int
) -> None:
    balls = [ball(0.5), ball(0.5)]
    balls[place] = ball(math.inf)
    outcome = tried(cover(*balls), RegionMode(rule=rule, n=256), unanimous)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.UNREACHABLE
    assert outcome.votes == CHUNK


def test_what_lies_before_a_centre_out_of_reach_is_certified_inside_out() -> None:
    outer = ball(math.inf, steps((0.3, 0.0), (1.0, 1.0)))
    outcome = tried(
        cover(ball(0.5), outer), RegionMode(rule="e-process", order="inside-out"), unanimous
    )
    assert isinstance(outcome.certificate, Certified)
    assert outcome.certificate.fraction == 0.3
    inner = ball(math.inf, steps((1.0, 1.0)))
    nothing = tried(
        cover(inner, outer), RegionMode(rule="e-process", order="inside-out"), unanimous
    ).certificate
    assert isinstance(nothing, Abstained)
    assert nothing.reason is AbstainReason.UNREACHABLE


def test_radius_mode_is_unreachable_only_where_the_smallest_region_is() -> None:
    far = cover(ball(math.inf, steps((0.5, 0.7), (1.0, 1.0))))
    half = tried(far, RadiusMode(n=6400), unanimous).certificate
    assert isinstance(half, Certified)
    assert half.fraction == 0.5
    against = tried(far, RadiusMode(n=6400), by_share(0.5)).certificate
    assert isinstance(against, Abstained)
    assert against.reason is AbstainReason.FUTILE


margins = st.lists(st.floats(0.0, 2.8), min_size=1, max_size=5).map(
    lambda values: sorted(values, reverse=True)
)


@settings(max_examples=100)
@given(
    margins,
    st.integers(1, 200),
    st.integers(300, 4000),
    st.sampled_from([0.001, 0.05, 0.5]),
    st.sampled_from([1e-6, 0.001, 0.5]),
    st.floats(0.5, 1.0),
    st.integers(0, 2**32 - 1),
)
def test_no_image_costs_more_than_its_votes_and_every_certificate_has_its_evidence(
    sizes: list[float],
    n0: int,
    max_votes: int,
    alpha: float,
    futility: float,
    required_p: float,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    subject = cover(*(ball(margin) for margin in sizes))
    mode = RegionMode(alpha, n0, max_votes, futility, rule="e-process")
    outcome = tried(subject, mode, lambda c, k, rows: int(generator.binomial(rows, required_p)))
    certificate = outcome.certificate
    assert outcome.votes <= max_votes
    assert outcome.votes == chunks(n0) * CHUNK + sum(e.trials for e in certificate.evidence)
    for evidence, margin in zip(certificate.evidence, sizes, strict=True):
        accepted = evidence.trials > 0 and EProcess(share_of(margin), alpha).accepts(
            StreamedSample(evidence.successes, evidence.trials)
        )
        assert accepted == (evidence.verdict is Verdict.ACCEPTED)
    verdicts = {e.verdict for e in certificate.evidence}
    assert isinstance(certificate, Certified) == (verdicts == {Verdict.ACCEPTED})


@settings(max_examples=40)
@given(margins, st.integers(80, 1500), st.sampled_from([0.001, 0.05]))
def test_least_n_of_an_abstention_is_exact_for_unanimous_votes(
    sizes: list[float], max_votes: int, alpha: float
) -> None:
    subject = cover(*(ball(margin) for margin in sizes))
    certificate = tried(
        subject, RegionMode(alpha, 64, max_votes, rule="e-process"), unanimous
    ).certificate
    if isinstance(certificate, Abstained):
        needed = certificate.least_n
        assert certificate.reason is AbstainReason.BUDGET
        assert needed is not None
        assert needed > max_votes
        again = tried(subject, RegionMode(alpha, 64, needed, rule="e-process"), unanimous)
        assert isinstance(again.certificate, Certified)


INSIDE_OUT = RegionMode(rule="e-process", order="inside-out")


@pytest.mark.parametrize(
    ("inner", "outer", "fraction"),
    [(1.0, 1.0, 1.0), (1.0, 0.5, 0.3), (1.0, 0.0, 0.3), (0.5, 1.0, 0.0)],
)
def test_inside_out_certifies_up_to_the_first_centre_that_fails(
    inner: float, outer: float, fraction: float
) -> None:
    outcome = tried(NESTED, INSIDE_OUT, by_share(inner, outer))
    assert fraction_of(outcome) == fraction
    if inner < 1.0:
        assert outcome.certificate.evidence[1].verdict is Verdict.UNTESTED


def test_inside_out_keeps_what_was_reached_when_the_votes_run_out() -> None:
    spent = CHUNK + (least_votes(INNER.required_p, 0.001) or 0)
    outcome = tried(
        NESTED, RegionMode(rule="e-process", max_votes=spent + 10, order="inside-out"), unanimous
    )
    assert fraction_of(outcome) == 0.3
    assert outcome.votes == spent

"""The rules of decision, told their votes by hand: every count is chosen, nothing is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.certificate import Abstained, AbstainReason, Certified, Guarantee, Step, Verdict
from gsmooth.cover import Ball, Cover, Pilot, Poll, build_cover
from gsmooth.decision import (
    PILOT_VOTES,
    Finding,
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    chunks,
    decide,
    least_votes,
    prediction,
)
from gsmooth.errors import ConfigurationError
from gsmooth.noise import CHUNK, Purpose
from gsmooth.region import Region
from gsmooth.run.profiles import supported_gauge
from gsmooth.smoothing import Ballot
from gsmooth.theory.bounds import clopper_pearson_lower, least_n_fixed
from gsmooth.theory.normal import normal_quantile, share_of_margin
from gsmooth.theory.sequential import EProcess, StreamedSample
from tests.engine_objects import Counts, half_line, pixel, told

G = half_line(0.0, 0.5)
ZERO = torch.zeros(1, dtype=torch.float64)
# Successes in a chunk, by centre and chunk.
Jury = Callable[[int, int], int]


def share_of(margin: float) -> float:
    return float(share_of_margin(margin))


def ball(margin: float, profile: tuple[Step, ...] = ()) -> Ball:
    return Ball((0.0,), ZERO, margin, share_of(margin), profile or (Step(1.0, share_of(margin)),))


def cover(*balls: Ball) -> Cover:
    return Cover(Region((-1.0,), (1.0,)), ZERO, balls, Guarantee.INDIVIDUAL)


def tried(subject: Cover, mode: Mode, jury: Jury, selection: tuple[int, int, int]) -> Finding:
    """Class 1 gets ``jury``'s votes at every centre, class 0 the rest."""

    def reply(ballots: list[Ballot]) -> Counts:
        rows = []
        for ballot in ballots:
            if ballot.coordinate.purpose is Purpose.SELECTION:
                rows.append(selection)
                continue
            won = jury(ballot.coordinate.centre, ballot.coordinate.chunk)
            rows.append((CHUNK - won, won, 0))
        return np.array(rows)

    return told(decide(G, 3, subject, mode), reply)


def unanimous(centre: int, chunk: int) -> int:
    return CHUNK


ONE = (0, CHUNK, 0)


def test_unanimous_votes_certify_and_stop_as_soon_as_they_suffice() -> None:
    finding = tried(cover(ball(2.0), ball(0.1)), RegionMode(), unanimous, ONE)
    first, second = finding.certificate.evidence
    assert isinstance(finding.certificate, Certified)
    assert finding.certificate.label == 1
    assert finding.certificate.gauge == 1.0
    assert first.trials == least_votes(share_of(2.0), 0.001) == 384
    assert second.trials == CHUNK
    assert finding.votes == CHUNK + 384 + CHUNK


def test_estimation_votes_are_fresh_and_of_the_selected_class() -> None:
    asked: list[Ballot] = []

    def reply(ballots: list[Ballot]) -> Counts:
        asked.extend(ballots)
        return np.array([(60, 4, 0)] * len(ballots))

    finding = told(decide(G, 3, cover(ball(0.5)), RegionMode(n0=100)), reply)
    assert finding.certificate.label == 0
    assert isinstance(finding.certificate, Certified)
    purposes = [ballot.coordinate.purpose for ballot in asked]
    assert purposes[:2] == [Purpose.SELECTION] * 2
    assert set(purposes[2:]) == {Purpose.ESTIMATION}
    assert len({ballot.coordinate for ballot in asked}) == len(asked)
    assert finding.prediction.counts == (120, 8, 0)
    assert finding.certificate.evidence[0].trials == (len(asked) - 2) * CHUNK


def test_centres_are_tried_worst_first() -> None:
    g = half_line(-10.0, 0.5)
    order: list[int] = []

    def jury(centre: int, chunk: int) -> int:
        order.append(centre)
        return CHUNK

    subject = cover(ball(2.0), ball(1.0), ball(0.1))
    tried(subject, RegionMode(), jury, ONE)
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}
    margins = [b.margin for b in build_cover(g, pixel(), Region(l2=0.2)).balls]
    assert margins == sorted(margins, reverse=True)


def test_a_failing_centre_ends_the_trial_and_later_ones_are_left_untested() -> None:
    finding = tried(cover(ball(1.0), ball(0.9)), RegionMode(), lambda centre, chunk: 10, ONE)
    certificate = finding.certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.FUTILE
    assert [e.verdict for e in certificate.evidence] == [Verdict.FUTILE, Verdict.UNTESTED]
    assert finding.votes == 2 * CHUNK
    assert certificate.evidence[1].trials == 0


def test_every_centre_is_tested_at_the_full_alpha() -> None:
    boundary = EProcess(share_of(0.5), 0.05).least_successes(CHUNK)
    assert boundary is not None
    subject = cover(*[ball(0.5)] * 10)
    mode = RegionMode(alpha=0.05)
    accepted = tried(subject, mode, lambda centre, chunk: boundary, ONE)
    assert isinstance(accepted.certificate, Certified)
    assert all(e.trials == CHUNK for e in accepted.certificate.evidence)
    one_less = tried(
        subject, mode, lambda centre, chunk: boundary - (centre == 9 and chunk == 0), ONE
    )
    assert one_less.certificate.evidence[9].trials > CHUNK


def test_votes_that_run_out_abstain_for_want_of_budget() -> None:
    finding = tried(
        cover(ball(1.0)), RegionMode(max_votes=CHUNK * 5), lambda centre, chunk: 54, ONE
    )
    assert isinstance(finding.certificate, Abstained)
    assert finding.certificate.reason is AbstainReason.BUDGET
    assert finding.certificate.evidence[0].verdict is Verdict.EXHAUSTED
    assert finding.votes <= CHUNK * 5


def test_a_hopeless_budget_is_known_before_a_vote_and_names_what_would_do() -> None:
    subject = cover(ball(2.0), ball(1.0))
    finding = tried(subject, RegionMode(max_votes=400), unanimous, ONE)
    assert isinstance(finding.certificate, Abstained)
    assert finding.certificate.reason is AbstainReason.BUDGET
    assert finding.votes == CHUNK
    least = finding.certificate.least_n
    assert least is not None
    again = tried(subject, RegionMode(max_votes=least), unanimous, ONE)
    assert isinstance(again.certificate, Certified)
    assert again.votes == least
    short = tried(subject, RegionMode(max_votes=least - 1), unanimous, ONE)
    assert isinstance(short.certificate, Abstained)


@pytest.mark.parametrize("margin", [7.5, 8.0, 8.2, 9.0, math.inf])
@pytest.mark.parametrize("mode", [RegionMode(), RadiusMode(n=128)])
def test_a_margin_beyond_all_votes_abstains_instead_of_stopping_the_run(
    margin: float, mode: Mode
) -> None:
    certificate = tried(cover(ball(margin), ball(0.5)), mode, unanimous, ONE).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.BUDGET
    assert certificate.least_n is None or certificate.least_n > 10**12


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
    share: float,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    subject = cover(*(ball(margin) for margin in sizes))
    mode = RegionMode(alpha, n0, max_votes, futility)
    finding = tried(subject, mode, lambda c, k: int(generator.binomial(CHUNK, share)), ONE)
    certificate = finding.certificate
    assert finding.votes <= max_votes
    assert finding.votes == chunks(n0) * CHUNK + sum(e.trials for e in certificate.evidence)
    for evidence, margin in zip(certificate.evidence, sizes, strict=True):
        accepted = evidence.trials > 0 and EProcess(share_of(margin), alpha).accepts(
            StreamedSample(evidence.successes, evidence.trials)
        )
        assert accepted == (evidence.verdict is Verdict.ACCEPTED)
    verdicts = {e.verdict for e in certificate.evidence}
    assert isinstance(certificate, Certified) == (verdicts == {Verdict.ACCEPTED})


@settings(max_examples=40)
@given(margins, st.integers(128, 1500), st.sampled_from([0.001, 0.05]))
def test_least_n_of_an_abstention_is_exact_for_unanimous_votes(
    sizes: list[float], max_votes: int, alpha: float
) -> None:
    subject = cover(*(ball(margin) for margin in sizes))
    certificate = tried(subject, RegionMode(alpha, 64, max_votes), unanimous, ONE).certificate
    if isinstance(certificate, Abstained):
        least = certificate.least_n
        assert certificate.reason is AbstainReason.BUDGET
        assert least is not None
        assert least > max_votes
        assert isinstance(
            tried(subject, RegionMode(alpha, 64, least), unanimous, ONE).certificate, Certified
        )


INSIDE_OUT = RegionMode(order="inside-out")


@pytest.mark.parametrize(
    ("inner", "outer", "gauge"),
    [(1.0, 1.0, 1.0), (1.0, 0.5, 0.3), (1.0, 0.0, 0.3), (0.5, 1.0, 0.0)],
)
def test_inside_out_certifies_up_to_the_first_centre_that_fails(
    inner: float, outer: float, gauge: float
) -> None:
    finding = tried(NESTED, INSIDE_OUT, share_jury(inner, outer), ONE)
    assert gauge_of(finding) == gauge
    if inner < 1.0:
        assert finding.certificate.evidence[1].verdict is Verdict.UNTESTED


def test_inside_out_keeps_what_was_reached_when_the_votes_run_out() -> None:
    spent = CHUNK + (least_votes(INNER.share, 0.001) or 0)
    finding = tried(NESTED, RegionMode(max_votes=spent + 10, order="inside-out"), unanimous, ONE)
    assert gauge_of(finding) == 0.3
    assert finding.votes == spent


def steps(*pairs: tuple[float, float]) -> tuple[Step, ...]:
    return tuple(Step(gauge, share) for gauge, share in pairs)


INNER = ball(2.0, steps((0.2, 0.6), (0.4, 0.8), (1.0, share_of(2.0))))
OUTER = ball(1.5, steps((0.3, 0.0), (0.6, 0.7), (1.0, share_of(1.5))))
NESTED = cover(INNER, OUTER)


def share_jury(inner: float, outer: float) -> Jury:
    return lambda centre, chunk: round(CHUNK * (inner if centre == 0 else outer))


def gauge_of(finding: Finding) -> float:
    return finding.certificate.gauge if isinstance(finding.certificate, Certified) else 0.0


@pytest.mark.parametrize(
    ("inner", "outer", "gauge"),
    [
        (1.0, 1.0, 1.0),
        (1.0, 0.8, 0.6),
        (1.0, 0.6, 0.3),
        (1.0, 0.0, 0.3),
        (0.9, 1.0, 0.4),
        (0.7, 1.0, 0.2),
        (0.7, 0.0, 0.2),
        (0.5, 1.0, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_the_certified_gauge_is_the_largest_that_every_centre_supports(
    inner: float, outer: float, gauge: float
) -> None:
    mode = RadiusMode(alpha=0.001, n=64 * 100)
    finding = tried(NESTED, mode, share_jury(inner, outer), ONE)
    assert gauge_of(finding) == gauge
    if isinstance(finding.certificate, Certified):
        assert finding.certificate.region == NESTED.region.scaled(gauge)
    bounds = [
        clopper_pearson_lower(e.successes, e.trials, 0.001) if e.trials else 0.0
        for e in finding.certificate.evidence
    ]
    # What gsmooth verify finds in the evidence, by code of its own.
    assert (supported_gauge(finding.certificate.evidence, bounds) or 0.0) == gauge


def test_a_centre_that_the_region_no_longer_reaches_is_not_put_to_the_vote() -> None:
    finding = tried(NESTED, RadiusMode(n=6400), share_jury(0.7, 1.0), ONE)
    assert [e.verdict for e in finding.certificate.evidence] == [
        Verdict.ACCEPTED,
        Verdict.UNTESTED,
    ]
    assert finding.votes == CHUNK + 6400


def test_a_centre_without_a_single_vote_takes_its_own_piece_only() -> None:
    finding = tried(NESTED, RadiusMode(n=6400), share_jury(1.0, 0.0), ONE)
    assert gauge_of(finding) == 0.3


def test_radius_mode_abstains_as_futile_when_the_votes_are_against_it() -> None:
    certificate = tried(NESTED, RadiusMode(n=6400), share_jury(0.5, 1.0), ONE).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.FUTILE
    assert certificate.least_n is None


def test_radius_mode_abstains_for_want_of_votes_when_even_unanimity_falls_short() -> None:
    subject = cover(ball(2.5, steps((0.5, share_of(2.0)), (1.0, share_of(2.5)))))
    certificate = tried(subject, RadiusMode(n=128), unanimous, ONE).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.BUDGET
    least = chunks(least_n_fixed(share_of(2.0), 0.001)) * CHUNK
    assert certificate.least_n == least > 128
    assert gauge_of(tried(subject, RadiusMode(n=least), unanimous, ONE)) == 0.5
    assert gauge_of(tried(subject, RadiusMode(n=least - CHUNK), unanimous, ONE)) == 0.0


@pytest.mark.parametrize(("n0", "n"), [(1, 1), (64, 64), (65, 129), (100, 1000)])
def test_vote_numbers_are_rounded_up_to_whole_chunks(n0: int, n: int) -> None:
    finding = tried(cover(ball(0.1)), RadiusMode(n0=n0, n=n), unanimous, ONE)
    assert sum(finding.prediction.counts) == -(-n0 // 64) * 64
    assert finding.certificate.evidence[0].trials == -(-n // 64) * 64
    assert finding.votes == -(-n0 // 64) * 64 + -(-n // 64) * 64


def test_predict_abstains_when_votes_are_tied() -> None:
    assert prediction(np.array([500, 500, 0]), 0.001).label is None
    assert prediction(np.array([0, 0, 0, 1000]), 0.001).label is None


def test_predict_answers_with_the_leading_class() -> None:
    assert prediction(np.array([3, 900, 97, 0]), 0.001).label == 1
    assert prediction(np.array([600, 400, 0]), 0.001).label == 0
    assert prediction(np.array([520, 480, 0]), 0.001).label is None


def test_predict_ignores_ties_however_many() -> None:
    assert prediction(np.array([100, 2, 10_000]), 0.001).label == 0


def test_a_selection_without_a_winner_still_certifies_nothing() -> None:
    finding = tried(cover(ball(0.5)), RegionMode(), lambda centre, chunk: CHUNK, (0, 0, CHUNK))
    assert isinstance(finding.certificate, Abstained)
    assert finding.prediction.label is None


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 0.6, math.nan])
def test_a_level_outside_its_range_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError, match="alpha="):
        check_level("alpha", value)
    with pytest.raises(ConfigurationError, match="alpha="):
        RegionMode(alpha=value)
    with pytest.raises(ConfigurationError, match="futility="):
        RegionMode(futility=value)
    with pytest.raises(ConfigurationError, match="alpha="):
        RadiusMode(alpha=value)


@pytest.mark.parametrize("value", [0, -5])
def test_no_votes_at_all_are_refused(value: int) -> None:
    for build in (
        lambda: RegionMode(n0=value),
        lambda: RegionMode(max_votes=value),
        lambda: RadiusMode(n=value),
    ):
        with pytest.raises(ConfigurationError, match="must be at least 1 vote"):
            build()


class Surveyed:
    """A draft with two pilots, which notes what it is told."""

    def __init__(self, again: Cover | None = None) -> None:
        self.clean = ZERO
        self.pilots = (Pilot((-1.0,), ZERO), Pilot((1.0,), ZERO + 1.0))
        self.polls: list[Poll] = []
        self.budgets: list[float] = []
        self.again = again

    def drawn(self, poll: Poll) -> Cover:
        self.polls.append(poll)
        return cover(ball(0.5), ball(0.5))

    def redrawn(self, poll: Poll, budget: float) -> Cover | None:
        self.polls.append(poll)
        self.budgets.append(budget)
        return self.again


def polled(plan: Surveyed, mode: RegionMode, votes: Callable[[Ballot], int]) -> Finding:
    """Class 1 gets ``votes`` of every ballot."""

    def reply(ballots: list[Ballot]) -> Counts:
        asked.extend(ballots)
        won = [votes(ballot) for ballot in ballots]
        return np.array([(b.rows - w, w, 0) for b, w in zip(ballots, won, strict=True)])

    asked: list[Ballot] = []
    finding = told(decide(G, 3, plan, mode), reply)
    assert len({ballot.coordinate for ballot in asked}) == len(asked)
    assert finding.votes == sum(ballot.rows for ballot in asked)
    spent = sum(centre.trials for centre in finding.certificate.evidence)
    assert finding.votes == CHUNK + finding.pilot_votes + spent
    return finding


def test_pilot_votes_choose_the_cover_and_never_count_for_it() -> None:
    plan = Surveyed()
    finding = polled(
        plan, RegionMode(), lambda b: 4 if b.coordinate.purpose is Purpose.PILOT else b.rows
    )
    (poll,) = plan.polls
    assert (poll.won.tolist(), poll.cast.tolist()) == ([4.0, 4.0], [16.0, 16.0])
    assert poll.theta.tolist() == [[-1.0], [1.0]]
    assert finding.pilot_votes == 2 * PILOT_VOTES
    assert finding.prediction.counts == (0, CHUNK, 0)
    assert isinstance(finding.certificate, Certified)
    assert [centre.trials for centre in finding.certificate.evidence] == [CHUNK, CHUNK]


def stubborn(ballot: Ballot) -> int:
    """Unanimous, but at the second centre of the first cover."""
    at = ballot.coordinate
    return 20 if (at.purpose, at.centre) == (Purpose.ESTIMATION, 1) else ballot.rows


def test_a_cover_that_fails_is_drawn_again_by_all_votes_so_far_and_tried_with_fresh_ones() -> None:
    plan = Surveyed(again=cover(ball(0.3)))
    finding = polled(plan, RegionMode(), stubborn)
    certificate = finding.certificate
    assert isinstance(certificate, Certified)
    assert [centre.trials for centre in certificate.evidence] == [CHUNK]
    assert plan.polls[1].won.tolist() == [16.0, 16.0, 64.0, 20.0]
    assert plan.polls[1].cast.tolist() == [16.0, 16.0, 64.0, 64.0]
    assert plan.budgets == [5000 - CHUNK - 2 * PILOT_VOTES - 2 * CHUNK]
    assert finding.pilot_votes == 2 * PILOT_VOTES + 2 * CHUNK


def test_where_no_second_cover_pays_the_first_verdict_stands() -> None:
    finding = polled(Surveyed(), RegionMode(), stubborn)
    assert isinstance(finding.certificate, Abstained)
    assert finding.certificate.reason is AbstainReason.FUTILE
    assert len(finding.certificate.evidence) == 2


def test_one_attempt_is_never_followed_by_another() -> None:
    plan = Surveyed(again=cover(ball(0.3)))
    finding = polled(plan, RegionMode(attempts=1), stubborn)
    assert isinstance(finding.certificate, Abstained)
    assert finding.certificate.attempts == 1
    assert len(plan.polls) == 1


def test_attempts_share_alpha_whether_or_not_the_second_is_made() -> None:
    for votes in (stubborn, lambda ballot: ballot.rows):
        finding = polled(Surveyed(again=cover(ball(0.3))), RegionMode(), votes)
        assert (finding.certificate.alpha, finding.certificate.attempts) == (0.001, 2)
    # 64 unanimous votes show just enough at alpha, and not at half of it.
    share = next(
        s
        for s in np.linspace(0.8, 0.95, 1501)
        if least_votes(s, 0.001) == CHUNK and least_votes(s, 0.0005) == 2 * CHUNK
    )
    tight = Ball((0.0,), ZERO, float(normal_quantile(share)), float(share), ())
    plan = Surveyed()
    plan.drawn = lambda poll: cover(tight)  # type: ignore[method-assign]
    assert polled(plan, RegionMode(), lambda b: b.rows).certificate.evidence[0].trials == 2 * CHUNK
    finding = polled(plan, RegionMode(attempts=1), lambda b: b.rows)
    assert finding.certificate.evidence[0].trials == CHUNK


def test_covers_that_are_not_chosen_by_cost_get_all_of_alpha() -> None:
    finding = tried(cover(ball(0.5)), RegionMode(), unanimous, ONE)
    assert finding.certificate.attempts == 1


@pytest.mark.parametrize("centres", [1, 7])
def test_the_fixed_rule_is_clopper_pearson_at_alpha_over_the_centres(centres: int) -> None:
    mode = RegionMode(rule="fixed", n=256, max_votes=10_000)
    least = next(
        won
        for won in range(257)
        if clopper_pearson_lower(won, 256, mode.alpha / centres) > share_of(0.5)
    )
    balls = [ball(0.5)] * centres

    def jury(total: int) -> Jury:
        return lambda centre, chunk: min(CHUNK, max(0, total - CHUNK * chunk))

    passed = tried(cover(*balls), mode, jury(least), ONE)
    assert isinstance(passed.certificate, Certified)
    assert passed.votes == CHUNK + 256 * centres
    failed = tried(cover(*balls), mode, jury(least - 1), ONE)
    assert isinstance(failed.certificate, Abstained)
    assert failed.votes == CHUNK + 256


def test_the_fixed_rule_does_not_begin_what_it_cannot_pay_for() -> None:
    mode = RegionMode(rule="fixed", n=256, max_votes=1000)
    finding = tried(cover(*[ball(0.5)] * 4), mode, unanimous, ONE)
    assert isinstance(finding.certificate, Abstained)
    assert finding.certificate.reason is AbstainReason.BUDGET
    assert finding.certificate.least_n == CHUNK + 4 * 256
    assert finding.votes == CHUNK


def test_a_fixed_price_is_the_votes_where_they_will_do() -> None:
    price = RegionMode(rule="fixed", n=400).price
    cheap, dear = price.votes(np.array([0.6, 0.98]), np.array([0.95, 0.95]))
    assert cheap == 448.0
    assert dear > 10 * cheap
    assert price.budget == 5000 - CHUNK

"""Radius mode, told its votes by hand."""

from __future__ import annotations

import pytest

from gsmooth.certificate import Abstained, AbstainReason, Certified, Verdict
from gsmooth.certification import RadiusMode, chunks
from gsmooth.runs.verify.profiles import supported_fraction
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.bounds import clopper_pearson_lower, least_n_fixed
from tests.certification.fake_votes import (
    NESTED,
    ball,
    by_share,
    cover,
    fraction_of,
    share_of,
    steps,
    tried,
    unanimous,
)


@pytest.mark.parametrize(
    ("inner", "outer", "fraction"),
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
def test_the_certified_fraction_is_the_largest_that_every_centre_supports(
    inner: float, outer: float, fraction: float
) -> None:
    mode = RadiusMode(alpha=0.001, n=64 * 100)
    outcome = tried(NESTED, mode, by_share(inner, outer))
    assert fraction_of(outcome) == fraction
    if isinstance(outcome.certificate, Certified):
        assert outcome.certificate.region == NESTED.region.scaled(fraction)
    bounds = [
        clopper_pearson_lower(e.successes, e.trials, 0.001) if e.trials else 0.0
        for e in outcome.certificate.evidence
    ]
    # What gsmooth verify finds in the evidence, by code of its own.
    assert (supported_fraction(outcome.certificate.evidence, bounds) or 0.0) == fraction


def test_a_centre_that_the_region_no_longer_reaches_is_not_put_to_the_vote() -> None:
    outcome = tried(NESTED, RadiusMode(n=6400), by_share(0.7, 1.0))
    assert [e.verdict for e in outcome.certificate.evidence] == [
        Verdict.ACCEPTED,
        Verdict.UNTESTED,
    ]
    assert outcome.votes == CHUNK + 6400


def test_a_centre_without_a_single_vote_takes_its_own_piece_only() -> None:
    outcome = tried(NESTED, RadiusMode(n=6400), by_share(1.0, 0.0))
    assert fraction_of(outcome) == 0.3


def test_radius_mode_abstains_as_futile_when_the_votes_are_against_it() -> None:
    certificate = tried(NESTED, RadiusMode(n=6400), by_share(0.5, 1.0)).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.FUTILE
    assert certificate.least_n is None


def test_radius_mode_abstains_for_want_of_votes_when_even_unanimity_falls_short() -> None:
    subject = cover(ball(2.5, steps((0.5, share_of(2.0)), (1.0, share_of(2.5)))))
    certificate = tried(subject, RadiusMode(n=128), unanimous).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.BUDGET
    least = chunks(least_n_fixed(share_of(2.0), 0.001)) * CHUNK
    assert certificate.least_n == least > 128
    assert fraction_of(tried(subject, RadiusMode(n=least), unanimous)) == 0.5
    assert fraction_of(tried(subject, RadiusMode(n=least - CHUNK), unanimous)) == 0.0


@pytest.mark.parametrize(("n0", "n"), [(1, 1), (64, 64), (65, 129), (100, 1000)])
def test_vote_numbers_are_rounded_up_to_whole_chunks(n0: int, n: int) -> None:
    outcome = tried(cover(ball(0.1)), RadiusMode(n0=n0, n=n), unanimous)
    assert sum(outcome.prediction.counts) == -(-n0 // 64) * 64
    assert outcome.certificate.evidence[0].trials == -(-n // 64) * 64
    assert outcome.votes == -(-n0 // 64) * 64 + -(-n // 64) * 64

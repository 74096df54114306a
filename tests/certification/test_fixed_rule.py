"""The fixed-n rule of others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gsmooth.certificate import Abstained, AbstainReason, Certified
from gsmooth.certification import RegionMode
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.bounds import clopper_pearson_lower
from tests.certification.fake_votes import VoteFunction, ball, cover, share_of, tried, unanimous

TYPICAL_CENTRES = CERTIFICATION.fixed_rule.typical_centres


@pytest.mark.parametrize("centres", [1, 7])
def test_the_fixed_rule_is_clopper_pearson_at_alpha_over_the_centres(centres: int) -> None:
    mode = RegionMode(rule="fixed", n=256, max_votes=10_000)
    least = next(
        won
        for won in range(257)
        if clopper_pearson_lower(won, 256, mode.alpha / centres) > share_of(0.5)
    )
    balls = [ball(0.5)] * centres

    def fake_votes(total: int) -> VoteFunction:
        return lambda centre, chunk, rows: min(CHUNK, max(0, total - CHUNK * chunk))

    passed = tried(cover(*balls), mode, fake_votes(least))
    assert isinstance(passed.certificate, Certified)
    assert passed.votes == CHUNK + 256 * centres
    failed = tried(cover(*balls), mode, fake_votes(least - 1))
    assert isinstance(failed.certificate, Abstained)
    assert failed.votes == CHUNK + 256


def test_the_fixed_rule_does_not_begin_what_it_cannot_pay_for() -> None:
    mode = RegionMode(rule="fixed", n=256, max_votes=1000)
    outcome = tried(cover(*[ball(0.5)] * 4), mode, unanimous)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.BUDGET
    assert outcome.certificate.least_n == CHUNK + 4 * 256
    assert outcome.votes == CHUNK


def test_a_fixed_price_is_the_votes_where_they_will_do() -> None:
    price = RegionMode(rule="fixed", n=400).price
    cheap, dear = price.votes(np.array([0.6, 0.98]), np.array([0.95, 0.95]))
    assert cheap == 448.0
    assert dear > 10 * cheap
    assert price.budget == 5000 - CHUNK


def test_a_fixed_cover_is_planned_to_pass_as_a_whole() -> None:
    mode = RegionMode(rule="fixed", n=400)
    p = 0.97
    shares = np.linspace(0.5, 0.999, 500)
    affordable = shares[mode.price.votes(shares, np.full_like(shares, p)) == 448.0].max()
    least = next(
        won
        for won in range(449)
        if clopper_pearson_lower(won, 448, mode.alpha / TYPICAL_CENTRES) > affordable
    )
    every_one = float(stats.binom.sf(least - 1, 448, p)) ** TYPICAL_CENTRES
    assert 0.95 <= every_one < 0.99


@given(st.floats(0.5, 0.9999), st.floats(0.5, 0.9999), st.floats(0.5, 1.0))
def test_a_fixed_price_grows_with_the_share(one: float, other: float, p: float) -> None:
    shares = np.array(sorted((one, other)))
    low, high = RegionMode(rule="fixed", n=200).price.votes(shares, np.full(2, p))
    assert low <= high

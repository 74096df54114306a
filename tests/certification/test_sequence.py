"""Radius mode with a confidence sequence: when it ends, and that it errs as rarely as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gsmooth.certificate import Abstained, AbstainReason, Certified, Verdict
from gsmooth.certification import RadiusMode, least_votes
from gsmooth.certification.sequence import enough, looks
from gsmooth.cover import build_cover
from gsmooth.runs.verify.profiles import supported_fraction
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.centre_test import ClassCounts
from gsmooth.theory.normal import normal_quantile
from gsmooth.theory.sequential import StreamedSample, anytime_lower
from gsmooth.transforms.region import Region
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
from tests.engine_objects import decided, half_line, most_by_chance, pixel

MODE = RadiusMode(n=6400, bound="sequence")
ANGLE = 129 * 2.0**-9  # Half a grid cell from a threshold: shares are exact after rounding.


def radius(p_lower: float) -> float:
    """The l2 radius of a half-space, in sigma; a quarter of it is the fraction of a region."""
    return max(0.0, float(normal_quantile(p_lower))) / 4.0


@pytest.mark.parametrize(("alpha", "within"), [(0.2, 0.3), (0.05, 0.1)])
@pytest.mark.parametrize("p", [0.6, 0.9])
def test_the_bound_at_the_end_exceeds_the_share_with_probability_alpha_at_most(
    alpha: float, within: float, p: float
) -> None:
    mode = RadiusMode(alpha, n=160, bound="sequence", within=within, futility=0.2)
    mass, before, false = np.ones(1), 0, 0.0
    for due in looks(mode.most):
        mass = np.convolve(mass, stats.binom.pmf(np.arange(due - before + 1), due - before, p))
        before = due
        for won in np.flatnonzero(mass > 1e-12):
            sample = StreamedSample(int(won), due)
            if enough(ClassCounts(int(won), (), due), mode, radius):
                false += mass[won] * (anytime_lower(sample, alpha) > p)
                mass[won] = 0.0
    assert 0.0 < false <= alpha
    assert mass.sum() < 1e-9


def test_looks_end_with_the_most_votes_and_are_few() -> None:
    for n in (1, 15, 16, 17, 1000, 100_000):
        taken = list(looks(n))
        assert taken[-1] == n
        assert taken == sorted(set(taken))
        assert len(taken) < 90


@pytest.mark.parametrize("required_p", [1.0, 0.99, 0.9, 0.7])
def test_it_ends_within_the_part_that_may_be_given_up_and_not_before(required_p: float) -> None:
    wide = cover(ball(4.0, steps(*((g, share_of(4.0 * g)) for g in np.linspace(0.01, 1.0, 400)))))
    mode = RadiusMode(n=20_000, bound="sequence", within=0.1)
    outcome = tried(wide, mode, by_share(required_p))
    (evidence,) = outcome.certificate.evidence
    assert evidence.trials < 20_000
    all_votes = tried(
        wide, RadiusMode(n=20_000, bound="sequence", within=1e-9), by_share(required_p)
    )
    assert fraction_of(outcome) >= 0.89 * fraction_of(all_votes)
    # Half as many votes did not suffice.
    won = round(required_p * evidence.trials / 2)
    assert not enough(ClassCounts(won, (), evidence.trials // 2), mode, radius)


def test_fewer_votes_are_cast_the_more_may_be_given_up() -> None:
    subject = cover(ball(2.0, steps(*((g, share_of(2.0 * g)) for g in np.linspace(0.1, 1.0, 90)))))
    spent = [
        tried(subject, RadiusMode(n=20_000, bound="sequence", within=within), by_share(0.93)).votes
        for within in (0.02, 0.05, 0.2, 0.5)
    ]
    assert spent == sorted(spent, reverse=True)
    assert spent[-1] < spent[0] / 10


@pytest.mark.parametrize(
    ("inner", "outer", "fraction"),
    [(1.0, 1.0, 1.0), (1.0, 0.8, 0.6), (1.0, 0.6, 0.3), (0.9, 1.0, 0.4), (0.7, 0.0, 0.2)],
)
def test_the_fraction_is_the_largest_that_every_centre_supports(
    inner: float, outer: float, fraction: float
) -> None:
    outcome = tried(NESTED, MODE, by_share(inner, outer))
    assert fraction_of(outcome) == fraction
    evidence = outcome.certificate.evidence
    bounds = [
        anytime_lower(StreamedSample(e.successes, e.trials), MODE.alpha) if e.trials else 0.0
        for e in evidence
    ]
    # What gsmooth verify finds in the evidence, by code of its own.
    assert supported_fraction(evidence, bounds) == fraction
    assert outcome.votes == CHUNK + sum(e.trials for e in evidence)


def test_a_centre_stops_at_the_fraction_that_the_others_have_left() -> None:
    generous = tried(NESTED, MODE, by_share(1.0, 1.0)).certificate.evidence[1].trials
    limited = tried(NESTED, MODE, by_share(0.9, 1.0)).certificate.evidence[1].trials
    assert 0 < limited < generous


def test_the_hopeless_is_given_up_early() -> None:
    outcome = tried(NESTED, MODE, by_share(0.3, 1.0))
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason is AbstainReason.FUTILE
    assert [e.verdict for e in outcome.certificate.evidence] == [Verdict.FUTILE, Verdict.UNTESTED]
    assert outcome.certificate.evidence[0].trials < 200


def test_it_abstains_for_want_of_votes_and_names_the_least_that_could_do() -> None:
    subject = cover(ball(2.5, steps((0.5, share_of(2.0)), (1.0, share_of(2.5)))))
    certificate = tried(subject, RadiusMode(n=100, bound="sequence"), unanimous).certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.BUDGET
    least = certificate.least_n
    assert least == least_votes(share_of(2.0), 0.001)
    assert least is not None
    assert fraction_of(tried(subject, RadiusMode(n=least, bound="sequence"), unanimous)) == 0.5
    assert fraction_of(tried(subject, RadiusMode(n=least - 1, bound="sequence"), unanimous)) == 0.0


def test_a_sequence_is_not_rounded_up_to_whole_chunks() -> None:
    outcome = tried(cover(ball(2.0)), RadiusMode(n=70, bound="sequence", within=1e-9), unanimous)
    assert outcome.certificate.evidence[0].trials <= RadiusMode(n=70, bound="sequence").most == 70
    assert RadiusMode(n=70).most == 2 * CHUNK


@pytest.mark.parametrize("distance", [ANGLE, 3.0 * ANGLE])
def test_on_a_half_space_the_radius_approaches_the_true_one_and_rarely_exceeds_it(
    distance: float,
) -> None:
    g = half_line(-distance, 0.5)
    subject = build_cover(g, pixel(), Region(l2=4.0 * distance))
    mode = RadiusMode(0.1, n=3000, bound="sequence", within=0.2, futility=0.1)
    found = [f.certificate for f in decided(g, subject, mode, 20)]
    radii = np.array([c.region.l2 if isinstance(c, Certified) else 0.0 for c in found])
    assert (radii > distance).sum() <= most_by_chance(mode.alpha, len(radii))
    assert np.median(radii) > 0.7 * distance
    precise = RadiusMode(0.1, n=10_000, bound="sequence", within=0.05, futility=0.1)
    closer = [f.certificate for f in decided(g, subject, precise, 3)]
    assert np.median([c.region.l2 for c in closer if isinstance(c, Certified)]) > 0.88 * distance

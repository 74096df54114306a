"""The radius against n is the mean over all subsets of the kept votes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, hypergeom, norm

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.report.radius_against_n import best_radius, mean_over_subsets, radius_against_n
from gsmooth.runs.records.folder import Records, Row
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.radii import gaussian_radius
from gsmooth.transforms.region import Region
from tests.report.test_report import records
from tests.runs.samples import changed, make_centre, make_radius_row, make_row

SIGMA, ALPHA, VOTES = 0.5, 0.2, 9
BALL = Region((), (), 0.5)


def row(index: int, successes: int, trials: int = VOTES, label: int = 7) -> Row:
    centre = make_centre(successes, trials, margin=BALL.l2 / SIGMA, theta=())
    return make_radius_row(
        index, region=BALL, evidence=(centre,), alpha=ALPHA, label=label, fraction=None
    )


def kept(*rows: Row) -> Records:
    return records(*rows, parameters=())


def radius(successes: int, n: int) -> float:
    """By the formula of Cohen et al., with SciPy's quantiles."""
    p_lower = beta.ppf(ALPHA, successes, n - successes + 1) if successes else 0.0
    return float(max(0.0, SIGMA * norm.ppf(p_lower)))


def test_the_mean_is_that_over_every_subset_of_the_votes() -> None:
    votes = {0: [1] * 7 + [0] * 2, 1: [1] * 9, 2: [1] * 4 + [0] * 5}
    run = kept(*(row(i, sum(cast)) for i, cast in votes.items()), row(3, 8, label=2))
    found = radius_against_n(run, n=range(1, VOTES + 1))
    assert (found.images, found.sigma, found.alpha) == (4, SIGMA, ALPHA)
    for n, mean in zip(found.n, found.mean, strict=True):
        subsets = [
            [radius(sum(some), n) for some in itertools.combinations(cast, n)]
            for cast in votes.values()
        ]
        expected = sum(sum(radii) / len(radii) for radii in subsets) / 4
        assert mean == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_all_votes_give_the_radius_of_the_run() -> None:
    found = radius_against_n(kept(row(0, 960, 1024)))
    lower = clopper_pearson_lower(960, 1024, ALPHA)
    assert found.n[-1] == 1024
    assert found.mean[-1] == pytest.approx(gaussian_radius(lower, SIGMA), rel=1e-8)


@pytest.mark.parametrize(
    ("successes", "trials", "n"), [(99_900, 100_000, 5_000), (60_000, 100_000, 99_999), (1, 5, 5)]
)
def test_counts_left_out_at_the_ends_do_not_matter(successes: int, trials: int, n: int) -> None:
    law = hypergeom(trials, successes, n)
    counts = np.arange(n + 1)
    weights = np.exp(law.logpmf(counts))
    expected = float(weights @ np.sqrt(counts))
    found = mean_over_subsets(successes, trials, n, lambda some: np.sqrt(some.astype(float)))
    assert found == pytest.approx(expected, rel=1e-8)


def test_a_region_that_is_too_large_for_a_margin_does_not_hide_the_radii() -> None:
    far = row(0, 8)
    centre = replace(far.counts.evidence[0], margin=float("inf"), required_p=1.0)
    found = radius_against_n(kept(changed(far, evidence=(centre,))), n=[5, 9])
    sigma = far.randomness.noise.sigma
    usual = radius_against_n(kept(far), n=[5, 9])
    assert found.sigma == sigma
    expected = [mean * sigma / SIGMA for mean in usual.mean]
    assert found.mean == pytest.approx(expected, rel=1e-12)


def test_the_best_case_is_that_of_unanimous_votes() -> None:
    found = radius_against_n(kept(row(0, VOTES)), n=[5, 9])
    assert found.mean == pytest.approx(found.best, rel=1e-12)
    for n, best in zip(found.n, found.best, strict=True):
        assert best == pytest.approx(SIGMA * norm.ppf(ALPHA ** (1.0 / n)), rel=1e-12)
    assert best_radius(1, SIGMA, 0.001) == 0.0


def test_a_run_whose_votes_were_not_fixed_is_explained() -> None:
    with pytest.raises(ConfigurationError, match="is in region mode"):
        radius_against_n(kept(make_row(0, region=BALL)))
    with pytest.raises(ConfigurationError, match="is about angle"):
        radius_against_n(records(make_radius_row(0)))
    run = kept(row(0, 9))
    header = replace(run.header, config={"certify": {"bound": "sequence"}})
    with pytest.raises(ConfigurationError, match='bound = "sequence"'):
        radius_against_n(replace(run, header=header))
    with pytest.raises(ConfigurationError, match=r"n lies in 1\.\.9"):
        radius_against_n(run, n=[10])
    with pytest.raises(RecordError, match="image 1 has not 9 votes"):
        radius_against_n(kept(row(0, 9), row(1, 9, 10)))

"""Pilots: which are cast, and what votes at a few points say of others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gsmooth.certification import RegionMode
from gsmooth.cover import Cover, PilotEstimates, plan_cover
from gsmooth.cover.planning.planner import CoverPlanner
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.theory.parameter_noise import Gaussian, Haar
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from tests.cover.subjects import smoothed
from tests.cover.test_haar import smoothed as smoothed_by

SHAPE = (1, 12, 12)
IMAGE = SampleImage("blob", 3).tensor(SHAPE)[0]
ALL = Region(angle=(-180, 180))


def planner(g: SmoothedClassifier, region: Region) -> CoverPlanner:
    found = plan_cover(g, IMAGE, region, None, RegionMode().price)
    assert isinstance(found, CoverPlanner)
    return found


def selection(won: int, cast: int = 64, dimensions: int = 1) -> PilotEstimates:
    return PilotEstimates(np.zeros((1, dimensions)), np.array([won * 1.0]), np.array([cast * 1.0]))


def turning(region: Region) -> CoverPlanner:
    return planner(smoothed(Rotation(low_pass_px=0.9), SHAPE, (4.0,), 0.2), region)


def test_no_pilots_are_cast_where_one_ball_costs_least_whatever_they_say() -> None:
    small = turning(Region((-0.5,), (0.5,)))
    found = small.without_pilots(selection(64))
    assert isinstance(found, Cover)
    assert len(found.balls) == 1
    assert turning(Region((-25.0,), (25.0,))).without_pilots(selection(64)) is None


def test_one_ball_for_every_orientation_needs_no_pilots() -> None:
    g = smoothed_by("rotation", angle=Haar())
    found = planner(g, ALL).without_pilots(selection(64))
    assert found is not None
    assert len(found.balls) == 1


def test_under_haar_noise_pilots_at_a_few_orientations_stand_for_all() -> None:
    circle = planner(smoothed_by("rotation", angle=Haar()), ALL)
    assert len(circle.pilots) == COVER.pilots.points_alike[0]
    assert (np.abs(circle.pilot_theta) > 5.0).all()  # Not at the clean image, which is sharper.
    both = smoothed_by("rotation+brightness", angle=Haar(), brightness=Gaussian(0.1))
    mixed = planner(both, Region(angle=(-180, 180), brightness=(-0.1, 0.1)))
    assert len(mixed.pilots) == COVER.pilots.points_alike[1] * COVER.pilots.points[1] == 6
    shares = mixed._shares(
        PilotEstimates(mixed.pilot_theta, np.arange(6.0), np.full(len(mixed.pilots), 6.0))
    )
    angles = shares.reshape(mixed.parameter_grid.shape)
    assert np.ptp(angles, axis=0).max() == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(angles, axis=1).min() > 0.01


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 20), st.integers(1, 40)), min_size=1),
    st.floats(0.6, 0.999),
)
@settings(max_examples=30)
def test_the_highest_share_lies_above_the_likely_one_and_grows_with_its_level(
    votes: list[tuple[float, int, int]], level: float
) -> None:
    theta = np.array([[at] for at, _, _ in votes])
    won, lost = (np.array([float(vote[k]) for vote in votes]) for k in (1, 2))
    known, places = PilotEstimates(theta, won, won + lost), np.linspace(-1, 1, 7)[:, None]
    highest = known.highest(places, level)
    assert (highest > known.shares(places)).all()
    assert (known.highest(places, 0.9995) >= highest).all()
    assert (highest < 1.0).all()


def test_the_likely_shares_are_those_of_a_binomial_proportion() -> None:
    low, high = selection(60).likely_shares()
    for share, level in ((high, 0.05), (low, 0.95)):  # Jeffreys' interval, half of the tie counted.
        tail = stats.binom.cdf(59, 64, share) + 0.5 * stats.binom.pmf(60, 64, share)
        assert tail == pytest.approx(level, abs=0.01)

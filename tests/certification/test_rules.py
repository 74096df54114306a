"""What modes and PREDICT refuse and answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gsmooth.certificate import Abstained
from gsmooth.certification import RadiusMode, RegionMode, check_level, prediction
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK
from tests.certification.fake_votes import ball, cover, tried


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
    outcome = tried(cover(ball(0.5)), RegionMode(), lambda centre, chunk, rows: rows, (0, 0, CHUNK))
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.prediction.label is None


@pytest.mark.parametrize("votes", [0, 2**70])
def test_numbers_of_votes_that_no_memory_holds_are_refused(votes: int) -> None:
    for mode in (RegionMode, RadiusMode):
        with pytest.raises(ConfigurationError, match=f"n0={votes} must be at"):
            mode(n0=votes)
        with pytest.raises(ConfigurationError, match=f"n={votes} must be at"):
            mode(n=votes)
    with pytest.raises(ConfigurationError, match="max_votes=0 must be at least"):
        RegionMode(max_votes=0)


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


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, math.nan])
def test_a_radius_within_nothing_or_everything_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError, match="within="):
        RadiusMode(bound="sequence", within=value)
    with pytest.raises(ConfigurationError, match="futility="):
        RadiusMode(bound="sequence", futility=value if value else 0.0)

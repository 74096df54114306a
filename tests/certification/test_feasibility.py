"""What no votes can reach is refused before the first, and the least number named is enough."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gsmooth.certificate import Certified
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.feasibility import largest_p_lower, least_supporting
from gsmooth.cover import IndividualCovers
from gsmooth.errors import UnreachableError
from gsmooth.transforms.region import Region
from tests.certifying import certify, check_feasible
from tests.engine_objects import BoxCovers, half_line, on_ring, pixel, turned

SURE = half_line(-1000.0, 0.5)
SURE_TURN = turned(lambda phase: phase < 400.0, 6.0)


def refused(mode: RegionMode | RadiusMode, region: Region, centres: int | None = None) -> int:
    g = SURE_TURN if region.dimensions else SURE
    with pytest.raises(UnreachableError) as error:
        check_feasible(g, region, mode, IndividualCovers(centres))
    assert error.value.least_n is not None
    assert f"at least {error.value.least_n}" in str(error.value)
    return error.value.least_n


@pytest.mark.parametrize("alpha", [1e-25, 1e-60])
def test_radius_mode_refuses_votes_that_show_no_majority_and_names_the_least(alpha: float) -> None:
    region = Region(l2=0.5)
    least = refused(RadiusMode(alpha, n=1), region)
    check_feasible(SURE, region, RadiusMode(alpha, n=least))
    assert refused(RadiusMode(alpha, n=least - 64), region) == least
    found = certify(SURE, pixel(), region, RadiusMode(alpha, n=least)).certificate
    assert isinstance(found, Certified)
    assert 0.0 < found.fraction < 1.0


def test_radius_mode_does_not_refuse_a_region_because_only_a_part_of_it_can_be_had() -> None:
    check_feasible(SURE, Region(l2=1e6), RadiusMode(n=64))
    check_feasible(SURE_TURN, Region((-170.0,), (170.0,)), RadiusMode(n=64), IndividualCovers(1))
    check_feasible(SURE, Region(l2=0.5), RadiusMode(1e-60, n=1, bound="randomized"))


@settings(max_examples=60)
@given(st.floats(0.01, 0.999), st.floats(1e-12, 0.4), st.integers(1, 4000))
@example(0.5, 2.0**-64, 64)
def test_the_least_supporting_votes_are_those_whose_unanimity_shows_the_share(
    required_p: float, alpha: float, n: int
) -> None:
    least = least_supporting(RadiusMode(alpha, n=n), required_p)
    assert least is not None
    assert largest_p_lower(RadiusMode(alpha, n=least)) > required_p
    if least > 64:
        assert not largest_p_lower(RadiusMode(alpha, n=least - 64)) > required_p


@pytest.mark.parametrize("centres", [1, 3])
def test_the_fixed_rule_is_told_both_of_its_least_numbers(centres: int) -> None:
    region, mode = Region((-16.0,), (16.0,)), RegionMode(1e-25, rule="fixed", n=64, max_votes=100)
    with pytest.raises(UnreachableError, match=r"n has to be at least (\d+) and max_v") as error:
        check_feasible(SURE_TURN, region, mode, IndividualCovers(centres))
    least = error.value.least_n
    assert least is not None
    n = (least - 64) // centres
    enough = RegionMode(1e-25, rule="fixed", n=n, max_votes=least)
    check_feasible(SURE_TURN, region, enough, IndividualCovers(centres))
    fewer = RegionMode(1e-25, rule="fixed", n=n - 64, max_votes=least)
    with pytest.raises(UnreachableError):
        check_feasible(SURE_TURN, region, fewer, IndividualCovers(centres))
    if centres == 1:
        found = certify(SURE_TURN, on_ring(), region, enough, centres=1).certificate
        assert isinstance(found, Certified)


def test_a_cover_that_may_be_drawn_again_is_refused_at_the_level_that_it_will_be_tested_at() -> (
    None
):
    region = Region((-30.0,), (30.0,))
    once = refused(RegionMode(max_votes=100, attempts=1, rule="e-process"), region)
    twice = refused(RegionMode(max_votes=100, rule="e-process"), region)
    assert twice >= once
    same = RegionMode(0.0005, max_votes=100, attempts=1, rule="e-process")
    assert refused(same, region) == twice
    # After unanimous pilots there is one attempt, whatever the mode allows.
    assert refused(RegionMode(max_votes=100), region) <= once


def test_a_calibrated_error_that_unanimous_votes_cannot_bear_is_refused_in_both_modes() -> None:
    region, error = Region((-6.0,), (6.0,)), 0.007
    with pytest.raises(UnreachableError, match=r"n=64 .* it has to be at least") as caught:
        check_feasible(SURE_TURN, region, RadiusMode(n=64), BoxCovers(error, 4))
    least = caught.value.least_n
    assert least is not None
    check_feasible(SURE_TURN, region, RadiusMode(n=least), BoxCovers(error, 4))
    with pytest.raises(UnreachableError, match=r"max_votes=100 .* at least"):
        check_feasible(SURE_TURN, region, RegionMode(max_votes=100), BoxCovers(error, 4))
    with pytest.raises(UnreachableError, match="no number suffices") as caught:
        check_feasible(SURE_TURN, region, RadiusMode(n=64), BoxCovers(1e6, 4))
    assert caught.value.least_n is None
    assert "more votes" not in str(caught.value)
    assert "no number suffices. Use more noise" in str(caught.value)

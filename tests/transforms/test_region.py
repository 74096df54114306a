"""Regions hold the clean image, shrink towards it and describe themselves."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.errors import ConfigurationError
from gsmooth.transforms.region import Region

intervals = st.lists(st.tuples(st.floats(-1e6, 0.0), st.floats(0.0, 1e6)), max_size=4)
factors = st.floats(0.0, 1.0)


def region_of(ends: list[tuple[float, float]], l2: float = 0.0) -> Region:
    return Region(tuple(low for low, _ in ends), tuple(high for _, high in ends), l2)


@given(intervals, st.floats(0.0, 1e6), factors, factors)
def test_scaled_regions_are_nested(
    ends: list[tuple[float, float]], l2: float, one: float, other: float
) -> None:
    region = region_of(ends, l2)
    small, large = region.scaled(min(one, other)), region.scaled(max(one, other))
    assert region.dimensions == len(ends)
    for outer, inner in ((region, large), (large, small)):
        assert all(o <= i for o, i in zip(outer.lower, inner.lower, strict=True))
        assert all(i <= o for o, i in zip(outer.upper, inner.upper, strict=True))
        assert inner.l2 <= outer.l2


@given(intervals, st.floats(0.0, 1e6))
def test_fraction_one_is_the_region_and_fraction_zero_the_clean_image(
    ends: list[tuple[float, float]], l2: float
) -> None:
    region = region_of(ends, l2)
    assert region.scaled(1.0) == region
    assert region.scaled(0.0) == region_of([(0.0, 0.0)] * len(ends))


@pytest.mark.parametrize(
    ("low", "high"), [(0.1, 1.0), (-1.0, -0.1), (1.0, -1.0), (math.nan, 1.0), (-math.inf, 0.0)]
)
def test_an_interval_without_the_clean_image_is_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigurationError, match="must be finite and contain 0"):
        Region((low,), (high,))


@pytest.mark.parametrize("l2", [-0.1, math.nan, math.inf])
def test_an_l2_radius_that_is_none_is_refused(l2: float) -> None:
    with pytest.raises(ConfigurationError, match="l2="):
        Region(l2=l2)


def test_ends_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 lower ends and 2 upper ends"):
        Region((-1.0,), (1.0, 2.0))


def test_a_region_describes_itself_with_names_and_units() -> None:
    region = Region((-30.0, -1.5), (30.0, 2.0), 0.25)
    text = region.describe(("angle", "dx"), ("deg", "px"))
    assert text == "angle in [-30, 30] deg, dx in [-1.5, 2] px, l2 < 0.25"
    assert Region(l2=0.5).describe((), ()) == "l2 < 0.5"


@given(value=st.floats(1e-9, 1e9), sign=st.sampled_from((-1.0, 1.0)))
def test_no_more_is_printed_than_the_region_holds(value: float, sign: float) -> None:
    low, high = min(0.0, sign * value), max(0.0, sign * value)
    text = Region((low,), (high,)).describe(("angle",), ("deg",))
    printed = [float(end) for end in text[text.index("[") + 1 : text.index("]")].split(",")]
    assert low <= printed[0] <= printed[1] <= high
    assert max(map(abs, printed)) > 0.9999 * value


def test_ends_are_python_floats_so_that_nothing_is_rounded_to_float32() -> None:
    end: Any = np.float32(0.1)
    l2: Any = np.float32(0.3)
    region = Region([-end], [end], l2)
    part = region.scaled(1.0 / 3.0)
    assert part.l2 == float(l2) * (1.0 / 3.0)
    assert {type(end) for end in (*region.lower, *part.upper, part.l2)} == {float}


@pytest.mark.parametrize("arguments", [{"l2": "0.1"}, {"bits": 7.5}, {"lower": "1", "upper": "2"}])
def test_what_is_no_number_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        Region(**arguments)


def test_a_region_that_stays_whole_along_an_axis_shrinks_along_the_others() -> None:
    region = Region(angle=(-180, 180), brightness=(-0.2, 0.1), l2=1.0, bits=8).staying([0])
    assert region.scaled(0.5) == Region((-180.0, -0.1), (180.0, 0.05), 0.5, 8)
    assert region.scaled(0.5).scaled(0.5) == Region((-180.0, -0.05), (180.0, 0.025), 0.25, 8)
    assert replace(region, l2=0.0) == Region((-180.0, -0.2), (180.0, 0.1), bits=8)

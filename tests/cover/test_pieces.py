"""Pieces and cells tile the region: no theta is left out, none of the grid is used twice."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.cover.pieces import cut, grid_cells, lay_knots
from gsmooth.region import Region
from gsmooth.transformation import Transformation
from tests.cover.subjects import Weave
from tests.testing.planted import Turn

ENDS = st.floats(0.0, 50.0).map(lambda v: v if v > 1e-3 else 0.0)


class Ticking(Turn):
    """A kink at every multiple of 0.3."""

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return tuple(0.3 * k for k in range(math.ceil(lower / 0.3), math.floor(upper / 0.3) + 1))


def tiling(
    transformation: Transformation, region: Region, centres: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Owner, lower and upper of every grid cell, for an orbit that wanders at random."""
    units = np.ones(region.dimensions)
    knots = lay_knots(transformation, region, units)
    rng = np.random.default_rng(seed)
    wander = rng.normal(size=(len(knots.theta), 3)) * rng.uniform(0.0, 20.0)
    joint = np.concatenate([knots.theta, wander], axis=1)
    lengths = tuple(np.array(axis) for axis in knots.axes)
    return grid_cells(knots, cut(knots, joint @ joint.T, lengths, centres))


@given(low=ENDS, high=ENDS, centres=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_cells_of_an_interval_follow_each_other_from_end_to_end(
    low: float, high: float, centres: int, seed: int
) -> None:
    region = Region((-low,), (high,))
    owner, lower, upper = tiling(Turn(), region, centres, seed)
    order = np.argsort(lower[:, 0], kind="stable")
    lower, upper, owner = lower[order, 0], upper[order, 0], owner[order]
    assert (lower[0], upper[-1]) == (-low, high)
    assert (upper[:-1] == lower[1:]).all()
    assert (upper > lower).all() or low == high == 0.0
    # Every ball owns one run of neighbours, and no ball is without a cell.
    runs = [key for key, _ in itertools.groupby(owner)]
    assert sorted(runs) == list(range(len(runs)))
    assert len(runs) <= centres


@given(ends=st.tuples(ENDS, ENDS, ENDS, ENDS), centres=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=6)
def test_cells_of_a_box_tile_it_without_gap_or_overlap(
    ends: tuple[float, float, float, float], centres: int, seed: int
) -> None:
    region = Region((-ends[0], -ends[1]), (ends[2], ends[3]))
    owner, lower, upper = tiling(Weave(), region, centres, seed)
    # Cells are products of neighbouring knots; each product has to occur exactly once.
    marks = [np.unique(np.concatenate([lower[:, a], upper[:, a]])) for a in (0, 1)]
    expected = {
        (box_a, box_b)
        for box_a in itertools.pairwise(marks[0] if len(marks[0]) > 1 else marks[0].repeat(2))
        for box_b in itertools.pairwise(marks[1] if len(marks[1]) > 1 else marks[1].repeat(2))
    }
    found = [((low[0], high[0]), (low[1], high[1])) for low, high in zip(lower, upper, strict=True)]
    assert len(found) == len(set(found))
    assert set(found) == expected
    for axis in (0, 1):
        assert (marks[axis][0], marks[axis][-1]) == (region.lower[axis], region.upper[axis])
    assert set(owner.tolist()) == set(range(len(set(owner.tolist()))))


@given(low=ENDS, high=ENDS)
@settings(max_examples=25)
def test_no_cell_straddles_a_kink(low: float, high: float) -> None:
    region = Region((-low,), (high,))
    _, lower, upper = tiling(Ticking(), region, 5, 0)
    kinks = np.array(Ticking().breakpoints(0, -low, high))
    inside = (lower < kinks) & (kinks < upper)
    assert not inside.any()


def test_a_parameter_that_does_not_move_gets_one_empty_interval() -> None:
    _, lower, upper = tiling(Weave(), Region((0.0, -1.0), (0.0, 1.0)), 4, 0)
    assert (lower[:, 0] == 0.0).all()
    assert (upper[:, 0] == 0.0).all()
    assert len(lower) == pytest.approx(240, abs=2)


def test_a_region_that_is_a_single_point_is_one_piece() -> None:
    owner, lower, upper = tiling(Weave(), Region((0.0, 0.0), (0.0, 0.0)), 8, 0)
    assert owner.tolist() == [0]
    assert lower.tolist() == upper.tolist() == [[0.0, 0.0]]

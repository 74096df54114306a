"""Grids over a region, and the pieces that a survey gathers their cells into."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.cover.regions.grid import ParameterGrid, lay_parameter_grid, piece_of
from gsmooth.cover.settings import COVER
from gsmooth.transforms.region import Region
from tests.cover.subjects import Weave
from tests.testing.planted import Turn, TurnBounds

ENDS = st.floats(0.0, 50.0).map(lambda v: v if v > 1e-3 else 0.0)
TINY = st.sampled_from([0.0, 5e-324, 1e-300, 1e-160, 1e-30, 1e-9, 1e-3, 1.0, 50.0])


class TickingBounds(TurnBounds):
    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return tuple(0.3 * k for k in range(math.ceil(lower / 0.3), math.floor(upper / 0.3) + 1))


class Ticking(Turn):
    """A kink at every multiple of 0.3."""

    bounds_class = TickingBounds


def grid(region: Region, cells: int | None = None) -> ParameterGrid:
    operator = Turn() if region.dimensions == 1 else Weave()
    return lay_parameter_grid(operator, region, np.ones(region.dimensions), cells)


@given(low=ENDS, high=ENDS, cells=st.integers(1, 400))
@settings(max_examples=25)
def test_cells_of_an_interval_follow_each_other_from_end_to_end(
    low: float, high: float, cells: int
) -> None:
    lower, upper = grid(Region((-low,), (high,)), cells).boxes
    assert (lower[0, 0], upper[-1, 0]) == (-low, high)
    assert (upper[:-1] == lower[1:]).all()
    assert (upper > lower).all() or low == high == 0.0
    assert len(lower) == pytest.approx(cells, abs=1) or low == high == 0.0


@given(ends=st.tuples(ENDS, ENDS, ENDS, ENDS))
@settings(max_examples=10)
def test_cells_of_a_box_tile_it_without_gap_or_overlap(
    ends: tuple[float, float, float, float],
) -> None:
    region = Region((-ends[0], -ends[1]), (ends[2], ends[3]))
    lower, upper = grid(region).boxes
    # Cells are products of neighbouring grid points; each product must occur exactly once.
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


def test_the_corners_of_a_cell_come_in_the_order_of_a_product() -> None:
    parameter_grid = grid(Region((-1.0, -2.0), (1.0, 2.0)))
    lower, upper = parameter_grid.boxes
    theta = parameter_grid.theta[parameter_grid.corners]
    assert np.array_equal(theta[:, 0], lower)
    assert np.array_equal(theta[:, 1], np.stack([lower[:, 0], upper[:, 1]], axis=1))
    assert np.array_equal(theta[:, 3], upper)


@given(low=ENDS, high=ENDS)
@settings(max_examples=25)
def test_no_cell_straddles_a_kink(low: float, high: float) -> None:
    lower, upper = lay_parameter_grid(Ticking(), Region((-low,), (high,)), np.ones(1)).boxes
    kinks = np.array(Ticking().bounds.breakpoints(0, -low, high))
    inside = (lower < kinks) & (kinks < upper)
    assert not inside.any()


def test_a_parameter_that_does_not_move_gets_one_empty_interval() -> None:
    parameter_grid = grid(Region((0.0, -1.0), (0.0, 1.0)))
    lower, upper = parameter_grid.boxes
    assert parameter_grid.moving == (1,)
    assert (lower[:, 0] == 0.0).all()
    assert (upper[:, 0] == 0.0).all()
    assert len(lower) == pytest.approx(COVER.grid.cells[0], abs=2)


@given(ends=st.tuples(TINY, TINY, TINY, TINY))
@settings(max_examples=25)
def test_a_box_as_thin_as_floats_allow_is_cut_into_no_more_cells_than_others(
    ends: tuple[float, float, float, float],
) -> None:
    lower, upper = grid(Region((-ends[0], -ends[1]), (ends[2], ends[3]))).boxes
    assert (
        len(lower) <= 4 * COVER.grid.cells[1]
    )  # A thin axis is up to two cells wide on each side of its kink.
    assert (lower.min(axis=0) == [-ends[0], -ends[1]]).all()
    assert (upper.max(axis=0) == [ends[2], ends[3]]).all()


def test_a_region_that_is_a_single_point_is_one_cell() -> None:
    lower, upper = grid(Region((0.0, 0.0), (0.0, 0.0))).boxes
    assert lower.tolist() == upper.tolist() == [[0.0, 0.0]]


def test_a_piece_holds_all_corners_of_its_cells() -> None:
    parameter_grid = grid(Region((-1.0, -1.0), (1.0, 1.0)))
    points = parameter_grid.theta
    piece = piece_of(np.array([0, 5, 40]), parameter_grid.corners, points @ points.T)
    held = points[np.unique(parameter_grid.corners[[0, 5, 40]])]
    centre = piece.weights @ points[piece.nodes]
    assert np.linalg.norm(held - centre, axis=1).max() <= piece.radius * (1 + 1e-9)

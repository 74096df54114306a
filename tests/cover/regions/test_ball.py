"""Smallest balls, against brute force in the plane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gsmooth.cover.regions.ball import smallest_ball

PLANES = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-10.0, 10.0, width=32)
)


def brute_force_radius(points: np.ndarray) -> float:
    """Of all circles through two or three points that hold every point, the smallest."""
    centres = [points[0], *((a + b) / 2.0 for a, b in itertools.combinations(points, 2))]
    for a, b, c in itertools.combinations(points, 3):
        sides = 2.0 * np.array([b - a, c - a])
        if abs(np.linalg.det(sides)) > 1e-9:
            squares = np.array([b @ b - a @ a, c @ c - a @ a])
            centres.append(np.linalg.solve(sides, squares))
    return min(float(np.linalg.norm(points - centre, axis=1).max()) for centre in centres)


@given(points=PLANES)
def test_the_ball_holds_every_point_and_is_nearly_the_smallest(points: np.ndarray) -> None:
    weights, radius = smallest_ball(points @ points.T)
    distances = np.linalg.norm(points - weights @ points, axis=1)
    best = brute_force_radius(points)
    # The Gram matrix squares lengths: distances are good to the root of a rounding error.
    assert distances.max() <= radius + 1e-5
    assert radius <= 1.05 * best + 1e-5


@given(points=PLANES)
def test_the_centre_is_a_mean_of_the_points(points: np.ndarray) -> None:
    weights, _ = smallest_ball(points @ points.T)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0.0).all()


def test_the_ball_of_one_point_is_the_point() -> None:
    weights, radius = smallest_ball(np.array([[9.0]]))
    assert weights == pytest.approx([1.0])
    assert radius == 0.0


def test_the_ball_of_a_segment_is_centred_in_its_middle() -> None:
    line = np.linspace(0.0, 1.0, 101)[:, None]
    weights, radius = smallest_ball(line @ line.T)
    assert weights @ line == pytest.approx(0.5, abs=0.02)
    assert radius == pytest.approx(0.5, abs=0.02)

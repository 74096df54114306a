"""Clusters own every cell once, hold what they own, and hold it in smaller balls than boxes do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth import load_data
from gsmooth.cover.planning.clusters import Clustering
from gsmooth.cover.regions.ball import smallest_ball, smallest_balls
from gsmooth.cover.regions.grid import Piece
from gsmooth_translation import Translation


def grid(rows: int, cols: int) -> np.ndarray:
    """Corners of the cells of a grid of points, (cells, 4)."""
    places = np.arange(rows * cols).reshape(rows, cols)
    views = (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:])
    return np.stack([view.ravel() for view in views], axis=1)


def wandering(seed: int, rows: int, cols: int) -> np.ndarray:
    """Points on a surface that wanders through six dimensions, (rows * cols, 6)."""
    rng = np.random.default_rng(seed)
    plane = np.stack(np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"), axis=2)
    waves = np.sin(plane @ rng.normal(size=(2, 4)) + rng.uniform(0.0, 6.0, size=4))
    surface = np.concatenate([plane * rng.uniform(0.0, 0.5), waves], axis=2)
    return np.asarray(surface.reshape(rows * cols, 6))


def radius_of(points: np.ndarray, cluster: Piece) -> float:
    """The ball's radius from the points themselves."""
    centre = cluster.weights @ points[cluster.nodes]
    return float(np.linalg.norm(points[cluster.nodes] - centre, axis=1).max())


def assert_partition(found: list[Piece], cells: np.ndarray, count: int) -> None:
    assert 1 <= len(found) <= count
    owned = np.concatenate([cluster.cells for cluster in found])
    assert sorted(owned.tolist()) == list(range(len(cells)))
    for cluster in found:
        assert len(cluster.cells) > 0
        assert cluster.nodes.tolist() == np.unique(cells[cluster.cells]).tolist()
        assert cluster.weights.shape == cluster.nodes.shape
        assert cluster.weights.sum() == pytest.approx(1.0)
        assert (cluster.weights >= 0.0).all()


@given(
    rows=st.integers(2, 12),
    cols=st.integers(2, 12),
    count=st.integers(1, 40),
    seed=st.integers(0, 999),
)
@settings(max_examples=40)
def test_every_cell_is_owned_once_and_its_corners_lie_in_its_ball(
    rows: int, cols: int, count: int, seed: int
) -> None:
    points, cells = wandering(seed, rows, cols), grid(rows, cols)
    found = Clustering(points @ points.T, cells).at(count)
    assert_partition(found, cells, count)
    for cluster in found:
        # A Gram matrix squares lengths: distances are good to the root of a rounding error.
        assert radius_of(points, cluster) == pytest.approx(cluster.radius, abs=1e-5)


def test_more_balls_are_smaller_and_the_result_does_not_depend_on_earlier_ones() -> None:
    points, cells = wandering(3, 20, 20), grid(20, 20)
    clustering = Clustering(points @ points.T, cells)
    largest = [
        max(cluster.radius for cluster in clustering.at(count)) for count in (1, 4, 16, 64, 361)
    ]
    assert all(after < before for before, after in itertools.pairwise(largest))
    fresh = Clustering(points @ points.T, cells).at(16)
    for again, cluster in zip(clustering.at(16), fresh, strict=True):
        assert np.array_equal(again.cells, cluster.cells)
        assert np.array_equal(again.weights, cluster.weights)
        assert again.radius == cluster.radius


def test_as_many_balls_as_cells_give_every_cell_its_own() -> None:
    points, cells = np.random.default_rng(0).normal(size=(30, 5)), grid(5, 6)
    found = Clustering(points @ points.T, cells).at(1000)
    assert_partition(found, cells, len(cells))
    alone = [smallest_ball(points[corners] @ points[corners].T)[1] for corners in cells]
    assert max(cluster.radius for cluster in found) <= max(alone) * 1.3


def test_well_separated_groups_are_found() -> None:
    rng = np.random.default_rng(1)
    middles = 100.0 * rng.normal(size=(7, 9))
    points = np.repeat(middles, 11, axis=0) + rng.normal(size=(77, 9))
    cells = np.stack([np.arange(77), np.arange(77)], axis=1)
    found = Clustering(points @ points.T, cells).at(7)
    assert sorted(cluster.cells.tolist() for cluster in found) == [
        list(range(start, start + 11)) for start in range(0, 77, 11)
    ]


@pytest.mark.parametrize("count", [1, 2, 9])
def test_one_cell_is_one_cluster(count: int) -> None:
    points = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    (only,) = Clustering(points @ points.T, np.arange(4)[None]).at(count)
    assert only.radius == pytest.approx(np.sqrt(2.0), rel=0.01)
    assert only.cells.tolist() == [0]


def test_cells_that_are_points_and_points_that_coincide_are_no_trouble() -> None:
    identity_action = Clustering(np.zeros((1, 1)), np.zeros((1, 4), dtype=np.int64)).at(3)
    assert [cluster.radius for cluster in identity_action] == [0.0]
    same = np.ones((25, 25))
    found = Clustering(same, grid(5, 5)).at(6)
    assert_partition(found, grid(5, 5), 6)
    assert max(cluster.radius for cluster in found) < 1e-6


@given(seed=st.integers(0, 999), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12))
@settings(max_examples=30)
def test_balls_found_together_are_those_found_one_by_one(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60, 4))
    gram = points @ points.T
    members = [np.sort(rng.choice(60, size=size, replace=False)) for size in sizes]
    for nodes, (weights, radius) in zip(members, smallest_balls(gram, members), strict=True):
        _, smallest = smallest_ball(gram[np.ix_(nodes, nodes)])
        assert weights.shape == (len(nodes),)
        assert weights.sum() == pytest.approx(1.0)
        # Ties between farthest points are broken by rounding, so the paths may part.
        assert radius == pytest.approx(smallest, rel=0.03, abs=1e-6)
        centre = weights @ points[nodes]
        farthest = float(np.linalg.norm(points[nodes] - centre, axis=1).max())
        assert farthest == pytest.approx(radius, abs=1e-5)


# A translated digit


def translated(reach: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix and cells of a digit moved by up to ``reach`` px; noise of .7 px and .15."""
    x = torch.from_numpy(load_data("shipped:digits").images[7:8] / 255.0)
    bound = Translation().for_shape((1, 28, 28))
    axis = np.linspace(-reach, reach, side)
    theta = np.array(list(itertools.product(axis, axis)))
    dx, dy = torch.from_numpy(theta).tensor_split(2, dim=1)
    attacked = bound.attack(x.expand(len(theta), -1, -1, -1), dx, dy)
    points = bound.act(bound.lift(attacked), -dx, -dy).numpy()
    joint = np.concatenate([theta / 0.7, points / 0.15], axis=1)
    joint -= joint.mean(axis=0)
    return joint @ joint.T, grid(side, side)


def boxes(gram: np.ndarray, cells: np.ndarray, parts: int) -> float:
    """The largest ball around parts x parts equal boxes of a square grid of cells."""
    side = round(len(cells) ** 0.5)
    ranges = np.array_split(np.arange(side), parts)
    owned = [np.ravel_multi_index(np.ix_(a, b), (side, side)) for a in ranges for b in ranges]
    nodes = [np.unique(cells[own.ravel()]) for own in owned]
    return max(radius for _, radius in smallest_balls(gram, nodes))


def test_clusters_of_a_translated_digit_beat_boxes() -> None:
    gram, cells = translated(2.0, 33)
    clustering = Clustering(gram, cells)
    ratios = {}
    for parts in (2, 4, 8):
        largest = max(cluster.radius for cluster in clustering.at(parts**2))
        ratios[parts**2] = largest / boxes(gram, cells, parts)
    # Boxes as wide as a pixel already fit: the residual has one period in each of them.
    assert ratios[4] < 1.02
    assert ratios[16] < 0.95
    assert ratios[64] < 0.8

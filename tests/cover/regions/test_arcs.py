"""Arcs: every partition is one of the chain, and no other is cheaper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.cover.regions.arcs import Arcs
from gsmooth.cover.regions.ball import smallest_ball


def curve(count: int, seed: int, step: float = 0.3) -> np.ndarray:
    """A walk of ``count`` points in five dimensions."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(count, 5)) * step * rng.uniform(0.2, 1.0), axis=0)


def gram(points: np.ndarray) -> np.ndarray:
    centred = points - points.mean(axis=0)
    return np.asarray(centred @ centred.T)


def partitions(cells: int) -> list[list[tuple[int, int]]]:
    """Every way to cut a chain of ``cells`` cells."""
    found = []
    for cuts in range(cells):
        for inner in itertools.combinations(range(1, cells), cuts):
            found.append(list(itertools.pairwise([0, *inner, cells])))
    return found


@given(seed=st.integers(0, 99), count=st.integers(2, 12))
@settings(max_examples=25)
def test_a_radius_reaches_from_the_mean_of_an_arc_to_all_of_its_points(
    seed: int, count: int
) -> None:
    points = curve(count, seed)
    radii = Arcs.of(gram(points), widest=np.inf).radii
    for first in range(count - 1):
        for last in range(first + 1, count):
            own = points[first : last + 1]
            far = np.linalg.norm(own - own.mean(axis=0), axis=1).max()
            assert radii[last - first - 1, first] >= far - 1e-9
            assert radii[last - first - 1, first] >= smallest_ball(gram(own))[1] * 0.94 - 1e-9


@given(seed=st.integers(0, 99), count=st.integers(2, 10))
@settings(max_examples=25)
def test_the_cheapest_cut_is_the_cheapest_of_all(seed: int, count: int) -> None:
    arcs = Arcs.of(gram(curve(count, seed)))
    prices = np.exp(2.0 * arcs.radii) + 3.0

    def total(cut: list[tuple[int, int]]) -> float:
        if any(last - first > len(prices) for first, last in cut):
            return np.inf
        return sum(float(prices[last - first - 1, first]) for first, last in cut)

    found = arcs.cheapest(prices)
    assert found[0][0] == 0
    assert found[-1][1] == count - 1
    assert all(left[1] == right[0] for left, right in itertools.pairwise(found))
    assert total(found) == pytest.approx(min(total(cut) for cut in partitions(count - 1)))


@given(seed=st.integers(0, 99), count=st.integers(2, 10), most=st.integers(1, 6))
@settings(max_examples=25)
def test_the_fewest_arcs_have_the_smallest_largest_radius(seed: int, count: int, most: int) -> None:
    arcs = Arcs.of(gram(curve(count, seed)), widest=np.inf)

    def largest(cut: list[tuple[int, int]]) -> float:
        return max(float(arcs.radii[last - first - 1, first]) for first, last in cut)

    found = arcs.fewest(most)
    assert len(found) <= most
    assert (found[0][0], found[-1][1]) == (0, count - 1)
    best = min(largest(cut) for cut in partitions(count - 1) if len(cut) <= most)
    assert largest(found) == pytest.approx(best)


def test_hopelessly_wide_arcs_are_still_as_many_as_asked_for() -> None:
    points = np.linspace(0.0, 1000.0, 31)[:, None]
    cut = Arcs.of(gram(points)).fewest(3)
    assert cut == [(0, 10), (10, 20), (20, 30)]


def test_the_least_value_on_an_arc_is_that_of_its_points() -> None:
    points = curve(9, 3)
    values = np.random.default_rng(0).uniform(size=9)
    arcs = Arcs.of(gram(points), widest=np.inf)
    lowest = arcs.lowest(values)
    for cells in range(1, 9):
        for first in range(9 - cells):
            assert lowest[cells - 1, first] == values[first : first + cells + 1].min()

"""Clusters of grid cells, one ball each: pieces of a region with two or more parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.regions.ball import smallest_balls
from gsmooth.cover.regions.grid import Piece
from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False)
class Clustering:
    """Grid cells that are distributed among balls, for any number of balls.

    A ball has to contain whole cells, so the distance of a cell from a centre is that of its
    farthest corner. Any ball may own a cell: the cover bounds every cell around its owner's centre,
    whatever shape the cells of a ball form together. If the residual is periodic, as that of a
    translation by pixels, a box contains near and far points; a cluster contains near ones.

    Args:
        gram: Joint inner products (n, n) of the grid points around their mean, in noise units.
        cells: The grid points at the corners of each cell, (c, 2^m).
    """

    gram: Floats
    cells: Indices

    def roughly_at(self, count: int) -> list[Piece]:
        """:meth:`at` in few rounds and with balls that are some 2% too large, to compare counts."""
        return self._best(count, COVER.clusters.rough_rounds)

    def at(self, count: int, rounds: int = COVER.clusters.rounds) -> list[Piece]:
        """At most ``count`` clusters, at least one; every cell is in exactly one. Deterministic.

        Lloyd's algorithm for smallest balls: a cell goes to the nearest centre, a centre to the
        middle of its cells. It starts from farthest points (Gonzalez 1985). When the largest ball
        stops shrinking, the centre of the smallest one moves to its rim. The best of at most
        ``rounds`` is kept: least largest radius, then least sum. Three rounds come within some 5%
        on average and take half the time.
        """
        best = self._best(count, rounds)
        return self._fitted([cluster.cells for cluster in best], COVER.clusters.ball_iterations)

    def _best(self, count: int, rounds: int) -> list[Piece]:
        distances = self._from_points(self._seeds(min(count, len(self.cells))))
        best, stale = self._balls(distances, COVER.clusters.rough_ball_iterations), 0
        found = best
        for _ in range(rounds if len(distances) > 1 else 0):
            found = self._balls(
                self._around(found, count, relocate=stale > 0), COVER.clusters.rough_ball_iterations
            )
            stale = 0 if _largest(found) < _largest(best) else stale + 1
            best = min(best, found, key=_size)
            if stale == COVER.clusters.patience:
                break
        return best

    @cached_property
    def _squares(self) -> Floats:
        return self.gram.diagonal()

    def _seeds(self, count: int) -> Indices:
        """Grid points (count,), each the farthest from all before it; the first is far out."""
        used = np.unique(self.cells)
        squares = self._squares[used]
        chosen = [int(np.argmax(squares))]
        nearest = np.full(len(used), np.inf)
        for _ in range(count - 1):
            last = chosen[-1]
            far = squares - 2.0 * self.gram[used[last], used] + squares[last]
            nearest = np.minimum(nearest, far)
            chosen.append(int(np.argmax(nearest)))
        return used[chosen]

    def _from_points(self, places: Indices) -> Floats:
        """Squared distance of every grid point from those at ``places``, (k, n)."""
        squares = self._squares
        return np.asarray(squares - 2.0 * self.gram[places] + squares[places, None])

    def _around(self, found: list[Piece], count: int, relocate: bool) -> Floats:
        """Squared distance of every grid point from every centre, (k, n), k <= count.

        A centre without cells, or with ``relocate`` that of the smallest ball, goes to the point of
        the largest ball that is farthest from its centre.
        """
        weights = np.zeros((len(found), len(self.gram)))
        for row, cluster in enumerate(found):
            weights[row, cluster.nodes] = cluster.weights
        along = weights @ self.gram
        norms = (weights * along).sum(axis=1)
        distances = self._squares - 2.0 * along + norms[:, None]
        radii = np.array([cluster.radius for cluster in found])
        worst = int(radii.argmax())
        nodes = found[worst].nodes
        rim = self._from_points(nodes[distances[worst, nodes].argmax()][None])
        if len(found) < min(count, len(self.cells)):
            distances = np.concatenate([distances, rim])
        elif relocate:
            distances[radii.argmin()] = rim[0]
        return np.asarray(distances)

    def _balls(self, distances: Floats, iterations: int) -> list[Piece]:
        """Every cell given to the centre that is nearest to it, the first of equals."""
        farthest = distances[:, self.cells[:, 0]]
        for corner in self.cells.T[1:]:
            np.maximum(farthest, distances[:, corner], out=farthest)
        return self._fitted(_grouped(farthest.argmin(axis=0)), iterations)

    def _fitted(self, groups: list[Indices], iterations: int) -> list[Piece]:
        nodes = [np.unique(self.cells[group]) for group in groups]
        balls = smallest_balls(self.gram, nodes, iterations)
        return [
            Piece(group, own, weights, radius)
            for group, own, (weights, radius) in zip(groups, nodes, balls, strict=True)
        ]


def _largest(found: list[Piece]) -> float:
    return max(cluster.radius for cluster in found)


def _size(found: list[Piece]) -> tuple[float, float]:
    return _largest(found), sum(cluster.radius for cluster in found)


def _grouped(owner: Indices) -> list[Indices]:
    """The places of every value of ``owner`` (c,) that occurs, ascending."""
    order = np.argsort(owner, kind="stable")
    ends = np.flatnonzero(np.diff(owner[order])) + 1
    return np.split(order, ends)

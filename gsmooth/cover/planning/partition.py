"""Partitions of a region among balls, few or cheap ones; any choice of centres is sound (C1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.planning.clusters import Clustering
from gsmooth.cover.planning.joint import JointPoints
from gsmooth.cover.planning.whole_boxes import Cuts, WholeBoxes
from gsmooth.cover.regions.arcs import Arcs
from gsmooth.cover.regions.grid import ParameterGrid, Piece, piece_of, pieces_of
from gsmooth.cover.regions.one_sided import forward_arcs, priced_piece
from gsmooth.cover.settings import COVER
from gsmooth.theory.laws import Law

Floats = NDArray[np.float64]
Prices = Callable[[Floats, Floats], Floats]
"""Expected votes for balls of these radii at these shares, elementwise."""


def prices_of(pieces: list[Piece], shares: Floats, prices: Prices) -> Floats:
    """The price of each piece, (pieces,), at the lowest of the shares (n,) at its grid points."""
    radii = np.array([piece.radius for piece in pieces])
    return prices(radii, np.array([shares[piece.nodes].min() for piece in pieces]))


def moves_freely(law: Law, parameter_grid: ParameterGrid) -> bool:
    """Whether every moving parameter of the grid has Haar noise, so that shifts cost nothing (T7).

    T7: margins are then those of residuals alone.
    """
    return set(parameter_grid.moving) <= set(law.periodic) and bool(parameter_grid.moving)


@final
@dataclass(frozen=True, eq=False)
class Partition:
    """The ways to gather the cells of a grid into pieces, one ball each.

    One moving parameter makes a chain, which is cut into arcs; the cells of several are clustered.
    So are those of parameters with Haar noise, along which neighbours are no nearer than others.
    Under noise by whole steps (T8) both are boxes.

    Args:
        law: The noise law.
        parameter_grid: The grid.
        points: C at the grid points, (n, K).
        joint: The same in standard deviations, in which the margin of T4 is a Euclidean distance.
        origin: The only possible centre of residuals (K,), or None.
        added: What an l2 ball and rounding add to every residual, where noise moves by whole steps:
            its margins do not grow by as much.
    """

    law: Law
    parameter_grid: ParameterGrid
    points: Tensor
    joint: JointPoints
    origin: Tensor | None
    added: float = 0.0

    def so_many(self, count: int) -> list[Piece]:
        """At most ``count`` pieces, the largest as small as can be."""
        if len(self.parameter_grid.theta) == 1:
            return [piece_of(np.array([0]), self.parameter_grid.corners, self._gram)]
        if self.law.whole_axes:
            every = (self._boxes(cuts) for cuts in self._whole.cuts(count))
            return min(every, key=lambda pieces: max(piece.radius for piece in pieces))
        if self._is_chain and count == 1:  # The other arcs are not needed.
            return self._arcs([(0, len(self.parameter_grid.theta) - 1)])
        if self._is_chain:
            return self._arcs(self._chain.fewest(count))
        return self._clusters(count)

    def cheapest(self, shares: Floats, prices: Prices) -> list[Piece]:
        """The pieces that cost least together at these shares (n,)."""
        if self.law.whole_axes:
            every = (self._boxes(cuts) for cuts in self._whole.cuts(COVER.clusters.most_boxes))
            return min(every, key=lambda pieces: float(prices_of(pieces, shares, prices).sum()))
        if self._is_chain:
            return self._cheapest_arcs(shares, prices)
        return self._cheapest_clusters(shares, prices)

    def needs_several(self, shares: Floats, prices: Prices) -> bool:
        """Whether the pieces that cost least are more than one, without all of the search for them.

        The search goes from the middle number of clusters downhill, and so never ends at one that
        costs more than the middle.
        """
        if not (self._is_chain or self._is_free or self.law.whole_axes):
            middle = len(COVER.clusters.counts) // 2
            one, some = (
                prices_of(self._rough_clusters(place), shares, prices).sum()
                for place in (0, middle)
            )
            if some < one:
                return True
        return len(self.cheapest(shares, prices)) > 1

    @cached_property
    def _gram(self) -> Floats:
        return self.joint.gram()

    @property
    def _is_chain(self) -> bool:
        return self.parameter_grid.is_chain and not self._is_free

    @property
    def _is_free(self) -> bool:
        """True if a shift costs nothing, along whatever parameter the region is wide (T7)."""
        return moves_freely(self.law, self.parameter_grid)

    @cached_property
    def _chain(self) -> Arcs:
        law = self.law
        if self._leans:
            return forward_arcs(law, self.parameter_grid.theta, self.points, self.origin)
        return Arcs.of(self._gram)

    @property
    def _leans(self) -> bool:
        """True if centres are at the lower ends of their pieces."""
        return any(axis in self.parameter_grid.moving for axis in self.law.forward_axes)

    @cached_property
    def _clustering(self) -> Clustering:
        if not self.law.dimensions or not (self._leans or self.origin is not None):
            return Clustering(self._gram, self.parameter_grid.corners)
        # A centre at the lower end has its whole piece on one side, so lengths count twice; and if
        # residuals are measured from one point, only shifts depend on the partition.
        doubled = self.joint.along(self.law.forward_axes, 2.0)
        if self.origin is not None:
            doubled = doubled.without_residuals()
        return Clustering(doubled.gram(), self.parameter_grid.corners)

    @cached_property
    def _whole(self) -> WholeBoxes:
        return WholeBoxes(self.law, self.parameter_grid, self.added)

    def _boxes(self, cuts: Cuts) -> list[Piece]:
        return self._priced(self._whole.pieces(cuts))

    def _clusters(self, count: int) -> list[Piece]:
        return self._priced(self._clustering.at(count))

    def _priced(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces, with margins as radii if the radius of a ball is not its margin."""
        law, origin, several = self.law, self.origin, not self._is_chain
        if not (self._leans or law.whole_axes or (several and origin is not None)):
            return pieces
        return [
            priced_piece(law, p, self.parameter_grid.theta, self.points, origin, self.added)
            for p in pieces
        ]

    def _cheapest_arcs(self, shares: Floats, rule: Prices) -> list[Piece]:
        radii = self._chain.radii
        finite = np.isfinite(radii)
        prices = np.full_like(radii, np.inf)
        prices[finite] = rule(radii[finite], self._chain.lowest(shares)[finite])
        return self._arcs(self._chain.cheapest(prices))

    def _cheapest_clusters(self, shares: Floats, rule: Prices) -> list[Piece]:
        def total(place: int) -> float:
            return float(prices_of(self._rough_clusters(place), shares, rule).sum())

        if self._is_free:  # One ball is the rule, and only residuals can ask for more.
            places = range(COVER.clusters.free_counts)
            return self._clusters(COVER.clusters.counts[min(places, key=total)])
        return self._clusters(COVER.clusters.counts[_lowest(total, len(COVER.clusters.counts))])

    def _rough_clusters(self, place: int) -> list[Piece]:
        if place not in self._tried:
            found = self._clustering.roughly_at(COVER.clusters.counts[place])
            self._tried[place] = self._priced(found)
        return self._tried[place]

    @cached_property
    def _tried(self) -> dict[int, list[Piece]]:
        return {}

    def _arcs(self, arcs: list[tuple[int, int]]) -> list[Piece]:
        cells = [np.arange(first, last) for first, last in arcs]
        return self._priced(pieces_of(cells, self.parameter_grid.corners, self._gram))


def _lowest(cost: Callable[[int], float], count: int) -> int:
    """Where a function of 0 .. count - 1 with one valley is lowest, walking from the middle."""
    place, least = count // 2, cost(count // 2)
    for step in (-1, 1):
        start = place
        while 0 <= (there := place + step) < count and (found := cost(there)) < least:
            place, least = there, found
        if place != start:
            break
    return place

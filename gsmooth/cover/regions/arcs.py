"""Cutting a curve into arcs, one ball each: the fewest arcs, or the cheapest."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Arcs:
    """Every arc of a chain of n points, with the radius of a ball around it.

    radii (most, n - 1): entry [k, i] is for points i to i + k + 1, that is k + 1 cells; inf where
    the chain ends before. Non-decreasing in k.
    """

    radii: Floats

    @classmethod
    def of(cls, gram: Floats, widest: float = COVER.arcs.widest) -> Arcs:
        """Arcs of points with inner products ``gram`` (n, n), the longest first of radius > widest.

        The ball is around the mean of the points: within a few percent of the smallest one where
        the curve is nearly straight, and never smaller than that.
        """
        count = len(gram)
        # Row p: sums of the first p inner products of every point.
        summed = np.zeros((count + 1, count))
        np.cumsum(gram.T, axis=0, out=summed[1:])
        squares = gram.diagonal().copy()
        rows: list[Floats] = []
        work = 0
        for cells in range(1, count):
            along = _bands(summed[cells + 1 :], cells + 1) - _bands(summed, cells + 1)
            along /= cells + 1
            centred = along.mean(axis=1)
            along *= -2.0
            along += sliding_window_view(squares, cells + 1)
            row = np.full(count - 1, np.inf)
            row[: count - cells] = np.sqrt(np.maximum(along.max(axis=1) + centred, 0.0))
            rows.append(row if not rows else np.maximum(row, rows[-1]))
            work += along.size
            if cells > 1 and (rows[-1].min() > widest or work > COVER.arcs.most_work):
                break
        return cls(np.array(rows))

    def lowest(self, values: Floats) -> Floats:
        """The least of ``values`` (n,) on every arc, in the shape of ``radii``."""
        found = np.full_like(self.radii, np.nan)
        found[0] = np.minimum(values[:-1], values[1:])
        for cells in range(1, len(found)):
            reached = len(values) - 1 - cells
            later = values[cells + 1 : cells + 1 + reached]
            found[cells, :reached] = np.minimum(found[cells - 1, :reached], later)
        return found

    def cheapest(self, prices: Floats) -> list[tuple[int, int]]:
        """The chain as arcs (first point, last point) whose prices have the least sum.

        prices: in the shape of ``radii``. A dynamic program over the end of the last arc.
        """
        most, cells = prices.shape
        best, back = np.full(cells + 1, np.inf), np.zeros(cells + 1, dtype=np.int64)
        best[0] = 0.0
        for end in range(1, cells + 1):
            lengths = np.arange(min(most, end))
            totals = best[end - 1 - lengths] + prices[lengths, end - 1 - lengths]
            chosen = int(totals.argmin())
            best[end], back[end] = totals[chosen], chosen + 1
        ends = [cells]
        while ends[-1] > 0:
            ends.append(ends[-1] - int(back[ends[-1]]))
        ends.reverse()
        return list(itertools.pairwise(ends))

    def fewest(self, count: int) -> list[tuple[int, int]]:
        """The chain as at most ``count`` arcs whose largest radius is as small as can be."""
        candidates = self._sorted
        low, high = 0, len(candidates) - 1
        while low < high:
            middle = (low + high) // 2
            if self._greedy(float(candidates[middle]), count) is None:
                low = middle + 1
            else:
                high = middle
        return self._greedy(float(candidates[low]), count) or self._equal(count)

    def _equal(self, count: int) -> list[tuple[int, int]]:
        """Arcs of equally many cells, for chains whose arcs are all too wide to be compared."""
        cells = self.radii.shape[1]
        ends = np.unique(np.linspace(0, cells, min(count, cells) + 1).round().astype(np.int64))
        return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))

    @cached_property
    def _sorted(self) -> Floats:
        return np.unique(self.radii[np.isfinite(self.radii)])

    def _greedy(self, radius: float, count: int) -> list[tuple[int, int]] | None:
        """The longest arcs of at most this radius; None if ``count`` of them are too few."""
        reach = (self.radii <= radius).sum(axis=0)
        arcs: list[tuple[int, int]] = []
        start, end = 0, self.radii.shape[1]
        while start < end:
            if len(arcs) == count or reach[start] == 0:
                return None
            arcs.append((start, start + int(reach[start])))
            start = arcs[-1][1]
        return arcs


def _bands(matrix: Floats, width: int) -> Floats:
    """Entries (i, i) to (i, i + width - 1) of every row i that has them, (rows, width): a view."""
    rows = min(len(matrix), matrix.shape[1] - width + 1)
    down, right = matrix.strides
    return as_strided(matrix, (rows, width), (down + right, right), writeable=False)

"""Boxes of a grid, one ball each: pieces of a region under noise by whole steps (T8)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.regions.grid import ParameterGrid, Piece
from gsmooth.theory.laws import Law

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Cuts = tuple[int, ...]
"""Into how many parts every axis is cut."""


@final
@dataclass(frozen=True, eq=False)
class WholeBoxes:
    """The cells of a grid in equal boxes.

    Of the votes of two points so many are in common as two boxes of steps overlap (T8), so pieces
    that are boxes have the smallest margins; the clusters of a Euclidean metric are none.

    Args:
        law: The noise law.
        parameter_grid: The grid.
        added: What is added to every residual.
    """

    law: Law
    parameter_grid: ParameterGrid
    added: float

    def cuts(self, most: int) -> list[Cuts]:
        """One box, then ever more of them, up to ``most``: each time the cut that gains most."""
        found = [(1,) * len(self._cells)]
        while True:
            finer = [
                tuple(cut + (axis == other) for other, cut in enumerate(found[-1]))
                for axis, cells in enumerate(self._cells)
                if found[-1][axis] < cells
            ]
            finer = [cuts for cuts in finer if math.prod(cuts) <= most]
            if not finer:
                return found
            found.append(min(finer, key=lambda cuts: (self._margin(cuts), math.prod(cuts))))

    def pieces(self, cuts: Cuts) -> list[Piece]:
        """The boxes; their radii are not known yet (0)."""
        corners = self.parameter_grid.corners
        found = []
        for box in itertools.product(*self._runs(cuts)):
            places = np.meshgrid(*box, indexing="ij")
            cells = np.ravel_multi_index(tuple(p.ravel() for p in places), self._cells)
            nodes = np.unique(corners[cells])
            found.append(Piece(cells, nodes, np.full(len(nodes), 1.0 / len(nodes)), 0.0))
        return found

    @cached_property
    def _cells(self) -> tuple[int, ...]:
        """Cells by axis."""
        grid = self.parameter_grid
        return tuple(
            size if size == 1 or axis in grid.stepped else size - 1
            for axis, size in enumerate(grid.shape)
        )

    def _runs(self, cuts: Cuts) -> list[list[Indices]]:
        """The cells of every part, by axis."""
        counts = zip(self._cells, cuts, strict=True)
        return [np.array_split(np.arange(cells), cut) for cells, cut in counts]

    def _margin(self, cuts: Cuts) -> float:
        """The margin of the widest box, as far as its width decides it."""
        widths = [
            max(self._width(axis, run) for run in runs)
            for axis, runs in enumerate(self._runs(cuts))
        ]
        return float(self.law.margin(np.array(widths), self.added))

    def _width(self, axis: int, run: Indices) -> float:
        """The largest shift of a part from its middle; a whole number along whole axes."""
        grid = self.parameter_grid
        last = int(run[-1]) + (0 if axis in grid.stepped or grid.shape[axis] == 1 else 1)
        if axis in self.law.unsmoothed:
            return 0.0
        half = (grid.axes[axis][last] - grid.axes[axis][int(run[0])]) / 2.0
        return math.ceil(half) if axis in self.law.whole_axes else half

"""Which grid points are pilots: a few that are spread over the region."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.regions.grid import ParameterGrid
from gsmooth.cover.settings import COVER


def pilot_nodes(grid: ParameterGrid, periodic: Collection[int]) -> NDArray[np.int64]:
    """The numbers of the pilots among all grid points, (k,).

    Args:
        grid: The grid over the region.
        periodic: The axes with Haar noise.
    """
    count = COVER.pilots.points[0] if len(grid.moving) == 1 else COVER.pilots.points[1]
    axes = [
        np.unique(np.linspace(*ends, places).round().astype(np.int64))
        for ends, places in _rows(grid, periodic, count)
    ]
    every = np.meshgrid(*axes, indexing="ij")
    return np.ravel_multi_index(tuple(part.ravel() for part in every), grid.shape)


def _rows(
    grid: ParameterGrid, periodic: Collection[int], count: int
) -> Iterator[tuple[tuple[float, float], int]]:
    """First and last node of the pilots along every axis, and how many there are.

    Along a parameter with Haar noise all probabilities are about equal (T7), so it matters little
    where they are; the clean image, which is sharper than others, is left out.
    """
    for axis, size in enumerate(grid.shape):
        if axis in periodic:
            alike = COVER.pilots.points_alike[len(grid.moving) > 1]
            yield (0.1 * (size - 1), 0.9 * (size - 1)), alike
        else:
            yield (0.0, size - 1.0), count

"""How far an attacked image pulled back can lie from the clean one: proved, and tight."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.bounds.cells import ROUNDING, Cells, measure
from gsmooth.cover.bounds.splitting import halve
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]


def pulled_back_suprema(
    pulled_back: PulledBackImage,
    centre: Tensor,
    lower: Floats,
    upper: Floats,
    tolerance: float = COVER.supremum.tolerance,
) -> tuple[Floats, bool]:
    """Bounds on sup ||C(theta) - centre|| over n boxes of parameters, and whether they are proved.

    centre (K,); lower, upper (n, m) -> (n,), rounded up. Cells whose bound exceeds the largest
    sampled value of their box by more than ``tolerance`` of it are halved, up to
    ``COVER.supremum.most_cells`` cells: the bound is sound wherever that stops (C2), and it is
    never below a sampled value. Without a derivative bound it is a sampled maximum, and False is
    returned.
    """
    owner, low, high = _first_cells(pulled_back, lower, upper)
    centres = centre.expand(len(lower), -1)
    cells, proved = measure(pulled_back, centres, owner, low, high)
    # Corners carry a slack for rounding that no halving makes smaller.
    floor = 4.0 * ROUNDING * (1.0 + float(centre.norm()))
    for _ in range(COVER.supremum.rounds if proved else 0):
        reached = _largest(cells, cells.corners.max(axis=1), len(lower))
        over = cells.residuals() > reached[cells.ball] * (1.0 + tolerance) + floor
        if not over.any() or len(cells.ball) + int(over.sum()) > COVER.supremum.most_cells:
            break
        cells = halve(pulled_back, centres, cells, over)
    return _largest(cells, cells.residuals(), len(lower)), proved


def _largest(cells: Cells, values: Floats, boxes: int) -> Floats:
    """The largest of ``values``, one a cell, in every box: (boxes,)."""
    largest = np.zeros(boxes)
    np.maximum.at(largest, cells.ball, values)
    return largest


def _first_cells(
    pulled_back: PulledBackImage, lower: Floats, upper: Floats
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Cells that fill the boxes and contain no kink inside: owner (c,), lower and upper (c, m)."""
    axes = lower.shape[1]
    parts = COVER.supremum.cells[min(axes, len(COVER.supremum.cells)) - 1]
    width = (upper.max(axis=0) - lower.min(axis=0)) / parts
    found = [
        (box, *cell)
        for box in range(len(lower))
        for cell in itertools.product(
            *(
                _intervals(pulled_back, axis, lower[box, axis], upper[box, axis], width[axis])
                for axis in range(axes)
            )
        )
    ]
    owner = np.array([box for box, *_ in found], dtype=np.int64)
    ends = np.array([cell for _, *cell in found], dtype=np.float64).reshape(len(found), axes, 2)
    return owner, ends[:, :, 0], ends[:, :, 1]


def _intervals(
    pulled_back: PulledBackImage, axis: int, low: float, high: float, width: float
) -> list[tuple[float, float]]:
    """[low, high] in intervals of about ``width`` or less, cut at every kink.

    For a stepped parameter: its values in [low, high], as intervals of width 0; maybe none.
    """
    low, high = float(low), float(high)
    parameter = pulled_back.transformation.parameters[axis]
    if parameter.step:
        return [(value, value) for value in parameter.values(low, high)]
    kinks = pulled_back.transformation.bounds.breakpoints(axis, low, high)
    marks = sorted({low, high, *(kink for kink in kinks if low < kink < high)})
    if len(marks) == 1:
        return [(low, high)]
    found = []
    for start, end in itertools.pairwise(marks):
        parts = max(1, math.ceil((end - start) / width - 1e-9)) if width > 0.0 else 1
        parameter_grid = [start + (end - start) * k / parts for k in range(parts)] + [end]
        found += list(itertools.pairwise(parameter_grid))
    return found

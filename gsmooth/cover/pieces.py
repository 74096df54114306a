"""Cutting a region of parameters into pieces, one ball each."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.ball import smallest_ball
from gsmooth.region import Region
from gsmooth.transformation import Transformation

Floats = NDArray[np.float64]

# Grid cells over a whole region with one moving parameter, and with more: enough to choose centres
# by; the certified supremum refines where it must.
CELLS: Final = (240, 1024)


@final
@dataclass(frozen=True)
class Knots:
    """A grid over the region whose cells never straddle a kink of the attack.

    axes: ascending values of each parameter. theta (n, m): all grid points, last axis fastest.
    """

    axes: tuple[tuple[float, ...], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Grid points by axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def theta(self) -> Floats:
        """Every grid point, (n, m)."""
        return np.array(list(itertools.product(*self.axes)))


def lay_knots(transformation: Transformation, region: Region, units: Floats) -> Knots:
    """A grid of about CELLS cells, spaced alike in the metric of the law's units (m,)."""
    spans = np.array([max(0.0, u - low) for low, u in zip(region.lower, region.upper, strict=True)])
    lengths = spans / units
    moving = lengths > 0.0
    count = max(1, int(moving.sum()))
    cells = CELLS[0] if count == 1 else CELLS[1]
    spacing = (math.prod(lengths[moving].tolist()) / cells) ** (1.0 / count)
    axes = []
    for axis, (low, high) in enumerate(zip(region.lower, region.upper, strict=True)):
        inner = transformation.breakpoints(axis, low, high)
        marks = sorted({low, high, *(v for v in inner if low < v < high)})
        knots = [low]
        for start, end in itertools.pairwise(marks):
            parts = max(1, math.ceil((end - start) / (spacing * float(units[axis])) - 1e-9))
            knots += [start + (end - start) * k / parts for k in range(1, parts)] + [end]
        axes.append(tuple(knots))
    return Knots(tuple(axes))


@final
@dataclass(frozen=True)
class Piece:
    """A box of grid cells, first to last knot by axis, with the ball around its grid points.

    nodes: flat indices of its grid points; weights: of the ball's centre among them; radius: of
    the ball, in the joint metric, at the grid points only.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    nodes: NDArray[np.int64]
    weights: Floats
    radius: float


def cut(knots: Knots, gram: Floats, lengths: tuple[Floats, ...], centres: int) -> list[Piece]:
    """At most ``centres`` pieces, made by halving the piece with the largest ball.

    gram (n, n): joint inner products of the grid points; lengths: each axis' knots in the metric.
    """
    whole = _piece(knots, gram, (0,) * len(knots.axes), tuple(n - 1 for n in knots.shape))
    pieces = [whole]
    while len(pieces) < centres:
        pieces.sort(key=lambda piece: piece.radius)
        halves = None
        for place in range(len(pieces) - 1, -1, -1):
            halves = _halved(knots, gram, lengths, pieces[place])
            if halves:
                del pieces[place]
                pieces += halves
                break
        if not halves:
            break
    return pieces


def _halved(
    knots: Knots, gram: Floats, lengths: tuple[Floats, ...], piece: Piece
) -> list[Piece] | None:
    extents = [
        length[last] - length[first] if last - first > 1 else -1.0
        for length, first, last in zip(lengths, piece.first, piece.last, strict=True)
    ]
    axis = int(np.argmax(extents))
    if extents[axis] < 0.0:
        return None
    middle = (lengths[axis][piece.first[axis]] + lengths[axis][piece.last[axis]]) / 2
    knot = int(np.searchsorted(lengths[axis], middle))
    knot = min(max(knot, piece.first[axis] + 1), piece.last[axis] - 1)
    last = tuple(knot if a == axis else v for a, v in enumerate(piece.last))
    first = tuple(knot if a == axis else v for a, v in enumerate(piece.first))
    return [_piece(knots, gram, piece.first, last), _piece(knots, gram, first, piece.last)]


def _piece(knots: Knots, gram: Floats, first: tuple[int, ...], last: tuple[int, ...]) -> Piece:
    ranges = [np.arange(low, high + 1) for low, high in zip(first, last, strict=True)]
    nodes = np.ravel_multi_index(np.meshgrid(*ranges, indexing="ij"), knots.shape).ravel()
    weights, radius = smallest_ball(gram[np.ix_(nodes, nodes)])
    return Piece(first, last, nodes, weights, radius)


def grid_cells(knots: Knots, pieces: list[Piece]) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The grid cells of every piece: owner (n,), lower (n, m) and upper (n, m)."""
    boxes = [
        (place, *zip(*box, strict=True))
        for place, piece in enumerate(pieces)
        for box in itertools.product(*map(_intervals, knots.axes, piece.first, piece.last))
    ]
    owner, lower, upper = zip(*boxes, strict=True)
    return np.array(owner, dtype=np.int64), np.array(lower), np.array(upper)


def _intervals(axis: tuple[float, ...], first: int, last: int) -> list[tuple[float, float]]:
    """Neighbouring knots of a piece; one empty interval where the axis does not move."""
    ends = axis[first : last + 1]
    return [(ends[0], ends[0])] if len(ends) == 1 else list(itertools.pairwise(ends))

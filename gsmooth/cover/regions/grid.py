"""A grid over a region of parameters, and the pieces that its cells are gathered into."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.regions.ball import smallest_ball, smallest_balls
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@final
@dataclass(frozen=True)
class ParameterGrid:
    """A grid over the region; no cell contains a kink of the attack in its interior.

    Args:
        axes: Ascending values of each parameter. Grid points are numbered with the last axis
            fastest.
        stepped: Axes on which attacks take only the values of the grid: cells have width 0 along
            them, and the supremum on a cell is its value.
    """

    axes: tuple[tuple[float, ...], ...]
    stepped: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Grid points by axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def moving(self) -> tuple[int, ...]:
        """The axes with more than one value."""
        return tuple(axis for axis, size in enumerate(self.shape) if size > 1)

    @property
    def is_chain(self) -> bool:
        """True if the cells lie in a row along one axis, each sharing an end with the next."""
        return len(self.moving) == 1 and not set(self.moving) & set(self.stepped)

    @cached_property
    def theta(self) -> Floats:
        """Every grid point, (n, m)."""
        return np.array(list(itertools.product(*self.axes)))

    @cached_property
    def corners(self) -> Indices:
        """Grid points at the corners of every cell, (cells, 2^m); the last axis fastest.

        A cell has width 0 along an axis of one value and along a stepped axis, so its two ends are
        the same grid point.
        """
        numbers = np.arange(math.prod(self.shape)).reshape(self.shape)
        views = []
        for choice in itertools.product((0, 1), repeat=len(self.shape)):
            index = tuple(
                slice(None) if size == 1 or axis in self.stepped else slice(end, size - 1 + end)
                for axis, (end, size) in enumerate(zip(choice, self.shape, strict=True))
            )
            views.append(numbers[index].ravel())
        return np.stack(views, axis=1)

    @property
    def boxes(self) -> tuple[Floats, Floats]:
        """lower and upper of every cell, both (cells, m)."""
        return self.theta[self.corners[:, 0]], self.theta[self.corners[:, -1]]


def check_count(transformation: Transformation, region: Region) -> None:
    """ConfigurationError if a finite set of attacks is too large to be evaluated one by one."""
    counts = [
        math.floor(high / parameter.step) - math.ceil(low / parameter.step) + 1
        for parameter, low, high in zip(
            transformation.parameters, region.lower, region.upper, strict=False
        )
        if parameter.step
    ]
    if (count := math.prod(counts)) > COVER.memory.finite_attacks:
        raise ConfigurationError(
            f"region: {count:,} attacks by whole steps of {transformation.name}"
            f" ({' x '.join(map(str, counts))}), each of which is evaluated; at most"
            f" {COVER.memory.finite_attacks:,} are possible: narrow the region"
        )


def lay_parameter_grid(
    transformation: Transformation, region: Region, units: Floats, cells: int | None = None
) -> ParameterGrid:
    """A grid of about ``cells`` cells, spaced alike in the metric of the law's units (m,).

    Along a stepped parameter the grid has every value, and cells of width 0, on which the supremum
    is the value (C2: bounds hold on whole cells). ConfigurationError if there are too many values.
    """
    check_count(transformation, region)
    spans = np.array([max(0.0, u - low) for low, u in zip(region.lower, region.upper, strict=True)])
    spacing = _spacing(spans / units, cells)
    parameters = transformation.parameters
    stepped = tuple(axis for axis, parameter in enumerate(parameters) if parameter.step)
    axes = []
    for axis, (low, high) in enumerate(zip(region.lower, region.upper, strict=True)):
        if axis in stepped:
            axes.append(parameters[axis].values(low, high))
            continue
        inner = transformation.bounds.breakpoints(axis, low, high)
        marks = sorted({low, high, *(v for v in inner if low < v < high)})
        parameter_grid = [low]
        for start, end in itertools.pairwise(marks):
            parts = max(1, math.ceil((end - start) / (spacing * float(units[axis])) - 1e-9))
            parameter_grid += [start + (end - start) * k / parts for k in range(1, parts)] + [end]
        axes.append(tuple(parameter_grid))
    return ParameterGrid(tuple(axes), stepped)


def _spacing(lengths: Floats, cells: int | None) -> float:
    """The side of a cell at which axes of these lengths (m,) have about ``cells`` cells.

    An axis shorter than that is one cell wide and is left out of the volume; otherwise a shorter
    axis would make the cells of the others smaller.
    """
    wanted = cells or COVER.grid.cells[0 if int((lengths > 0.0).sum()) < 2 else 1]
    moving = lengths[lengths > 0.0]
    while True:
        count = max(1, len(moving))
        volume = math.prod((moving ** (1.0 / count)).tolist())
        # Subnormal lengths have no parts.
        spacing = float(max(volume / wanted ** (1.0 / count), 1e-300))
        wide = moving >= 0.999 * spacing
        if wide.all():
            return spacing
        moving = moving[wide]


@final
@dataclass(frozen=True)
class Piece:
    """Cells of a grid that share a ball.

    cells: which; nodes: their grid points; weights: of the ball's centre among them; radius: of
    the ball, in the joint metric, at the grid points only.
    """

    cells: Indices
    nodes: Indices
    weights: Floats
    radius: float


def piece_of(cells: Indices, corners: Indices, gram: Floats) -> Piece:
    """These cells with a nearly smallest ball around their grid points; gram (n, n): joint."""
    nodes = np.unique(corners[cells])
    weights, radius = smallest_ball(gram[np.ix_(nodes, nodes)])
    return Piece(cells, nodes, weights, radius)


def pieces_of(cells: list[Indices], corners: Indices, gram: Floats) -> list[Piece]:
    """``piece_of`` of several sets of cells at once."""
    nodes = [np.unique(corners[own]) for own in cells]
    found = zip(cells, nodes, smallest_balls(gram, nodes), strict=True)
    return [Piece(own, node, weights, radius) for own, node, (weights, radius) in found]

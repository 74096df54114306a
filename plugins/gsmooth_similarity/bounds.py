"""Bounds of the derivative, in angle and scale, of a bilinearly warped image on boxes (C3)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.geometry.bilinear import SLACK, MovingPoints, Slopes, Track, Velocity
from gsmooth.geometry.pixels import farthest, offsets
from gsmooth.geometry.settings import ChunkSettings
from gsmooth_similarity.attack import ANGLE, RADIANS

SIMILARITY: Final = ChunkSettings()

Axes = tuple[int, ...]
"""ANGLE, SCALE or both, ascending: the parameters that a transformation has."""

STEP_PX: Final = 0.2
STEP: Final = 0.1
"""A cell's half-width along either axis, in radians or ln, times the largest source radius (px) is
at most STEP_PX, and itself at most STEP. Source points then stay within exp(.1) (.2 + .2 * .05) +
(exp(.1) - 1) / .1 * .2 < 0.45 px of the middle one, along rows and along columns."""
NUMERICAL: Final = 1e-9
"""Outward slack for the float64 arithmetic of the bounds, per unit of image norm."""


@final
@dataclass(frozen=True, eq=False)
class Flow:
    """Intervals [middle - half, middle + half] of d psi_p / d theta_i on some cells.

    cells: their positions. middle, half: (C, cells, P) for each axis i, per radian or per ln.
    """

    cells: slice
    middle: tuple[Tensor, ...]
    half: tuple[Tensor, ...]

    def largest(self, axis: int) -> Tensor:
        """sup |d psi_p / d theta_i|, (C, cells, P); ``axis``: position of i among the axes."""
        return self.middle[axis].abs() + self.half[axis]


def flows(x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor, axes: Axes) -> Iterator[Flow]:
    """Yield intervals of the derivative of psi on narrow cells (C3), in chunks, rounded outwards.

    Args:
        x: Image (C, H, W), float64.
        pixels: Flat indices of output pixels, (P,).
        lower: Lower ends of the cells in radians and ln, (n, 2).
        upper: Upper ends of the cells, (n, 2).
        axes: Parameters for which intervals are computed.

    Raises:
        ValueError: A cell is too wide; see :func:`cut`.
    """
    slopes, shape = Slopes.of(x), (x.shape[1], x.shape[2])
    step = max(1, SIMILARITY.bounds // max(1, len(pixels)))
    for start in range(0, len(lower), step):
        cells = slice(start, start + step)
        points = _points(shape, pixels, lower[cells], upper[cells], axes)
        ends = [points.derivatives(slopes, i) for i in range(len(axes))]
        middle = tuple((low + high) / 2 for low, high in ends)
        half = tuple(((high - low) / 2).add_(SLACK) for low, high in ends)
        yield Flow(cells, middle, half)


def cut(
    shape: tuple[int, int], pixels: Tensor, lower: Tensor, upper: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Split cells (n, 2) in radians and ln into parts that are narrow enough for C3."""
    far = farthest(shape, pixels) * math.exp(-float(lower[:, 1].min()))
    widest = 2.0 * min(STEP_PX / max(far, 1e-3), STEP)
    spans = [float((upper[:, axis] - lower[:, axis]).max()) for axis in (0, 1)]
    counts = [max(1, math.ceil(span / widest * (1.0 + 1e-9))) for span in spans]
    size = (upper - lower) / upper.new_tensor(counts)
    for place in itertools.product(*(range(count) for count in counts)):
        first = lower + size * upper.new_tensor(place)
        # Neighbouring parts overlap by more than rounding errors, so that no gap is left.
        yield (first - SLACK * size).maximum(lower), (first + (1.0 + SLACK) * size).minimum(upper)


def per_unit(bound: Tensor, x: Tensor, axes: Axes) -> Tensor:
    """Bounds (n, axes) for x per radian and per ln -> per degree and per ln, rounded outwards."""
    factors = [RADIANS * (1.0 + 1e-15) if axis == ANGLE else 1.0 for axis in axes]
    return (bound + NUMERICAL * (1.0 + float(x.norm()))) * bound.new_tensor(factors)


def radians(theta: Tensor, axes: Axes) -> Tensor:
    """theta (n, axes) in degrees and ln -> (n, 2) in radians and ln; others are 0."""
    full = theta.new_zeros(len(theta), 2)
    full[:, list(axes)] = theta
    return full * theta.new_tensor([RADIANS, 1.0])


def _points(
    shape: tuple[int, int], pixels: Tensor, lower: Tensor, upper: Tensor, axes: Axes
) -> MovingPoints:
    """Where source points can be on cells (n, 2), and their velocities along the axes.

    Proof. The source point of output pixel p is u = exp(-s) R p. With u_m the one at the middle of
    the cell, u = exp(-ds)(cos(dt) u_m + sin(dt) J u_m), J the quarter turn, so every coordinate
    obeys |u_i - u_m,i| <= |u_m,i| (exp(D_s) - 1 + exp(D_s) D_t^2 / 2) + exp(D_s) D_t |(J u_m)_i|;
    and du/dt = J u, du/ds = -u lie in boxes of the same size around J u_m, -u_m.
    """
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    turn, scale = middle[:, :1], middle[:, 1:]
    row, col = offsets(shape, pixels)
    cos, sin = torch.exp(-scale) * torch.cos(turn), torch.exp(-scale) * torch.sin(turn)
    # Content that rotates anticlockwise has sources that rotate clockwise.
    u_row, u_col = row * cos + col * sin, col * cos - row * sin
    turned, grown = half[:, :1], torch.exp(half[:, 1:])
    along, across = grown - 1.0 + grown * turned**2 / 2.0, grown * turned
    reach_row = u_row.abs() * along + u_col.abs() * across + SLACK
    reach_col = u_col.abs() * along + u_row.abs() * across + SLACK
    if max(float(reach.max()) for reach in (reach_row, reach_col)) > 0.49:
        raise ValueError("cells are too wide for a bound: a source point may move by half a pixel")
    rows = Track.around(u_row, reach_row, shape[0])
    cols = Track.around(u_col, reach_col, shape[1])
    u_row, u_col, stray_row, stray_col = (
        part.flatten() for part in (u_row, u_col, reach_row, reach_col)
    )
    turning = Velocity(u_col, -u_row, stray_col, stray_row)
    shrinking = Velocity(-u_row, -u_col, stray_row, stray_col)
    rates = [turning if axis == ANGLE else shrinking for axis in axes]
    return MovingPoints.of(len(lower), rows, cols, shape[1], rates)

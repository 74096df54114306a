"""How fast a bilinearly warped image can change with angle and scale, bounded on boxes (C3)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth_similarity.space import ANGLE

PAD: Final = 4
"""Zeros around the image; source points farther out are moved to them, where nothing changes."""
STEP_PX: Final = 0.2
STEP: Final = 0.1
"""A cell's half-width along either axis, in radians or ln, times the largest source radius (px) is
at most STEP_PX, and itself at most STEP. Source points then stay within exp(.1) (.2 + .2 * .05) +
(exp(.1) - 1) / .1 * .2 < 0.45 px of the middle one, along rows and along columns."""
ENTRIES: Final = 2**16
"""Cells times pixels that are worked on at once (at least one cell)."""
# Outward slack for the float64 arithmetic of a few hundred operations a pixel.
SLACK: Final = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Flow:
    """Intervals [middle - half, middle + half] of d psi_p / d theta_i on some cells.

    cells: which. axes: i; middle, half: (C, cells, P) for each of them, per radian and per ln.
    """

    cells: slice
    middle: tuple[Tensor, ...]
    half: tuple[Tensor, ...]

    def largest(self, axis: int) -> Tensor:
        """sup |d psi_p / d theta_i|, (C, cells, P); ``axis`` counts among the axes asked for."""
        return self.middle[axis].abs() + self.half[axis]


def flows(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor, axes: tuple[int, ...]
) -> Iterator[Flow]:
    """Flow over narrow cells, in chunks of cells; rounded outwards.

    x (C, H, W) float64; pixels (P,): flat indices of the output pixels that count; lower, upper
    (n, 2): radians and ln. ValueError for cells that are too wide (``cut``).

    Proof. The source point of output pixel p is u = exp(-s) R p. With u_m the one at the middle of
    the cell, u = exp(-ds)(cos(dt) u_m + sin(dt) J u_m), J the quarter turn, so every coordinate
    obeys |u_i - u_m,i| <= |u_m,i| (exp(D_s) - 1 + exp(D_s) D_t^2 / 2) + exp(D_s) D_t |(J u_m)_i|.
    This box is less than a pixel wide: it touches at most 2 x 2 interpolation cells. In each of
    them the interpolant's partial derivatives are linear, with the ends of the clipped box as
    extremes; and du/dt = J u, du/ds = -u lie in boxes of the same size around J u_m, -u_m. The
    interval holds all products, hence psi'_p wherever it exists and both one-sided derivatives at
    kinks. Beyond the padding nothing changes, so points there may be moved to its outer cells.
    """
    slopes = _slopes(F.pad(x, (PAD, PAD, PAD, PAD)))
    step = max(1, ENTRIES // max(1, len(pixels)))
    for start in range(0, len(lower), step):
        cells = slice(start, start + step)
        yield _flow(
            slopes, (x.shape[1], x.shape[2]), pixels, lower[cells], upper[cells], axes, cells
        )


def cut(
    shape: tuple[int, int], pixels: Tensor, lower: Tensor, upper: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """The cells (n, 2) in radians and ln as parts, narrow enough for C3, that cover them."""
    row, col = offsets(shape, pixels)
    far = float(torch.hypot(row, col).max()) if len(pixels) else 0.0
    far *= math.exp(-float(lower[:, 1].min()))
    widest = 2.0 * min(STEP_PX / max(far, 1e-3), STEP)
    spans = [float((upper[:, axis] - lower[:, axis]).max()) for axis in (0, 1)]
    counts = [max(1, math.ceil(span / widest * (1.0 + 1e-9))) for span in spans]
    size = (upper - lower) / upper.new_tensor(counts)
    for place in itertools.product(*(range(count) for count in counts)):
        first = lower + size * upper.new_tensor(place)
        # Neighbouring parts overlap by more than rounding could tear between them.
        yield (first - SLACK * size).maximum(lower), (first + (1.0 + SLACK) * size).minimum(upper)


def offsets(shape: tuple[int, int], pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of flat pixel indices, counted from the centre of (H, W) images."""
    height, width = shape
    # Whole numbers minus a float would have torch's default type, and bounds rest on their lengths.
    row, col = (pixels // width).to(torch.float64), (pixels % width).to(torch.float64)
    return row - (height - 1) / 2, col - (width - 1) / 2


class _Slopes(NamedTuple):
    """Differences to the next pixel of a padded image by flat index, each (C, length)."""

    right: Tensor
    down: Tensor
    twist: Tensor
    width: int


def _slopes(padded: Tensor) -> _Slopes:
    width, flat = padded.shape[2], padded.flatten(1)
    right, down = flat[:, 1:] - flat[:, :-1], flat[:, width:] - flat[:, :-width]
    return _Slopes(right, down, right[:, width:] - right[:, :-width], width)


class _Track(NamedTuple):
    """One coordinate of source points, (m,).

    from_centre, reach: the points stay within ``reach`` of it. low, high: the same, counted in the
    padded image and moved to its border where they lie outside; first: the first cell they touch.
    """

    from_centre: Tensor
    reach: Tensor
    low: Tensor
    high: Tensor
    first: Tensor

    def take(self, place: Tensor) -> _Track:
        """The chosen points."""
        return _Track(*(part[place] for part in self))

    def crosses(self) -> Tensor:
        """Which points touch the next cell, too."""
        return self.high.floor() > self.first

    def within(self, step: int) -> tuple[Tensor, Tensor]:
        """Middle and half-width of the positions in the cell ``step`` on, from its start."""
        cell = self.first + step
        low, high = (self.low - cell).clamp(0, 1), (self.high - cell).clamp(0, 1)
        return (low + high) / 2, (high - low) / 2 + SLACK


def _track(from_centre: Tensor, reach: Tensor, size: int) -> _Track:
    at = from_centre + ((size - 1) / 2 + PAD)
    # Cells 0 and size + 2 PAD - 2 hold zeros only, and so do all beyond them.
    low, high = ((at + end).clamp(0.5, size + 2 * PAD - 1.5) for end in (-reach, reach))
    return _Track(*(part.flatten() for part in (from_centre, reach, low, high, low.floor())))


def _tracks(
    shape: tuple[int, int], pixels: Tensor, lower: Tensor, upper: Tensor
) -> tuple[_Track, _Track]:
    """Where source points can be, (cells * P,): rows and columns."""
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    turn, scale = middle[:, :1], middle[:, 1:]
    row, col = offsets(shape, pixels)
    cos, sin = torch.exp(-scale) * torch.cos(turn), torch.exp(-scale) * torch.sin(turn)
    # Content that turns anticlockwise comes from a source that turns clockwise.
    u_row, u_col = row * cos + col * sin, col * cos - row * sin
    turned, grown = half[:, :1], torch.exp(half[:, 1:])
    along, across = grown - 1.0 + grown * turned**2 / 2.0, grown * turned
    reach_row = u_row.abs() * along + u_col.abs() * across + SLACK
    reach_col = u_col.abs() * along + u_row.abs() * across + SLACK
    if max(float(reach.max()) for reach in (reach_row, reach_col)) > 0.49:
        raise ValueError("cells are too wide for a bound: a source point may move by half a pixel")
    return _track(u_row, reach_row, shape[0]), _track(u_col, reach_col, shape[1])


def _flow(
    slopes: _Slopes,
    shape: tuple[int, int],
    pixels: Tensor,
    lower: Tensor,
    upper: Tensor,
    axes: tuple[int, ...],
    cells: slice,
) -> Flow:
    rows, cols = _tracks(shape, pixels, lower, upper)
    found = [_Found(axis, *_visit(slopes, rows, cols, (0, 0), axis)) for axis in axes]
    down, right = rows.crosses(), cols.crosses()
    for moved, step in ((down, (1, 0)), (right, (0, 1)), (down & right, (1, 1))):
        if len(place := moved.nonzero()[:, 0]):
            part = rows.take(place), cols.take(place)
            for one in found:
                one.join(place, *_visit(slopes, *part, step, one.axis))
    size = (len(slopes.right), len(lower), len(pixels))
    middle = tuple(((one.low + one.high) / 2).view(size) for one in found)
    half = tuple(((one.high - one.low) / 2).add_(SLACK).view(size) for one in found)
    return Flow(cells, middle, half)


class _Found(NamedTuple):
    """The interval found so far for one axis, (C, m) each."""

    axis: int
    low: Tensor
    high: Tensor

    def join(self, place: Tensor, low: Tensor, high: Tensor) -> None:
        """Widen it at ``place``."""
        self.low[:, place] = torch.minimum(self.low[:, place], low)
        self.high[:, place] = torch.maximum(self.high[:, place], high)


def _visit(
    slopes: _Slopes, rows: _Track, cols: _Track, step: tuple[int, int], axis: int
) -> tuple[Tensor, Tensor]:
    """Ends (C, m) of grad B . du while u is in the interpolation cell ``step`` from its first."""
    (row, tall), (col, wide) = rows.within(step[0]), cols.within(step[1])
    corner = ((rows.first + step[0]) * slopes.width + cols.first + step[1]).long()
    twist = slopes.twist[:, corner]
    across = slopes.right[:, corner] + twist * row
    along = slopes.down[:, corner] + twist * col
    v_row, v_col, r_row, r_col = _velocity(rows, cols, axis)
    middle = along * v_row + across * v_col
    # |a v - a_m v_m| <= |a_m| |v - v_m| + |a - a_m| |v|, for both products.
    bend = wide * (v_row.abs() + r_row) + tall * (v_col.abs() + r_col)
    half = along.abs() * r_row + across.abs() * r_col + twist.abs() * bend + SLACK
    return middle - half, middle + half


def _velocity(rows: _Track, cols: _Track, axis: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """du/dtheta_i: middles along rows and columns, and how far it strays from them."""
    if axis == ANGLE:
        return cols.from_centre, -rows.from_centre, cols.reach, rows.reach
    return -rows.from_centre, -cols.from_centre, rows.reach, cols.reach

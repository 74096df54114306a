"""How fast a bilinearly rotated image can change with the angle, bounded on intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Outward slack for the float64 arithmetic of this bound: a few hundred operations a pixel.
SLACK: Final = 1e-9
ENTRIES: Final = 2**16
"""Cells times pixels that are worked on at once (at least one cell): bounds memory, fits caches."""


def rotation_speed(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor]:
    """Interval that holds d psi_p / d theta for every theta in [lower, upper], pixel by pixel.

    x (C, H, W) float64; pixels (P,) flat indices of the output pixels that count; lower, upper
    (n,) in radians -> two tensors (n, C, P), per radian, zero padding, rounded outwards (C3).
    """
    found = [(low, high) for _, low, high in speed_chunks(x, pixels, lower, upper)]
    low, high = (torch.cat(part, dim=1).transpose(0, 1) for part in zip(*found, strict=True))
    return low, high


def speed_chunks(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """:func:`rotation_speed` in chunks of cells: (which cells, low, high), each (C, cells, P)."""
    widest = widest_half(x.shape, pixels)
    if float((upper - lower).max()) / 2 > widest:
        raise ValueError(f"cells must be at most {2 * math.degrees(widest):g} degrees wide")
    pad, step = margin_px(x.shape, pixels), max(1, ENTRIES // max(1, len(pixels)))
    slopes = _slopes(F.pad(x, (pad, pad, pad, pad)))
    places = _bytes(pixels)
    reach_of = _kept_reach if step * len(pixels) <= ENTRIES else _reach
    for start in range(0, len(lower), step):
        cells = slice(start, start + step)
        ends = _bytes(lower[cells]), _bytes(upper[cells])
        low, high = reach_of(tuple(x.shape[1:]), places, *ends, x.device).intervals(slopes)
        yield cells, low, high


def widest_half(shape: torch.Size, pixels: Tensor) -> float:
    """The largest half-width of an interval, in radians, that :func:`rotation_speed` takes.

    With D r <= 0.45 and D <= 0.2 the box D r (1 + D / 2) around a source point stays below half a
    pixel, so it cannot touch a third cell.
    """
    return min(0.45 / max(_farthest(shape, pixels), 0.5), 0.2)


def margin_px(shape: torch.Size, pixels: Tensor) -> int:
    """Zeros on every side, so that no source point and no neighbour of it lies outside."""
    return max(0, math.ceil(_farthest(shape, pixels) - min(shape[1], shape[2]) / 2)) + 3


def offsets(shape: tuple[int, ...], pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of flat pixel indices, counted from the centre of (H, W) images."""
    height, width = shape
    # Whole numbers minus a float would have torch's default type, and bounds rest on their lengths.
    row, col = (pixels // width).to(torch.float64), (pixels % width).to(torch.float64)
    return row - (height - 1) / 2, col - (width - 1) / 2


def _farthest(shape: torch.Size, pixels: Tensor) -> float:
    row, col = offsets(tuple(shape[1:]), pixels)
    return float(torch.hypot(row, col).max()) if len(pixels) else 0.0


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


class _Visit(NamedTuple):
    """Source points in one interpolation cell each: what does not depend on the image, (m,).

    corner: flat index of the cell's first pixel. row, col: middle of where the source point can be
    in it. speed_row, speed_col: velocity at the middle angle, off by at most ``spread``. bend: how
    far a twist of 1 moves the speed while the source point moves within the cell.
    """

    corner: Tensor
    row: Tensor
    col: Tensor
    speed_row: Tensor
    speed_col: Tensor
    spread: Tensor
    bend: Tensor

    def interval(self, slopes: _Slopes, channel: int) -> tuple[Tensor, Tensor]:
        """Ends (m,), (m,) of dB/drow u'_row + dB/dcol u'_col for one channel.

        dB/dcol = right + twist t with t the row in the cell, |t - row| <= h, and |u'_col -
        speed_col| <= spread: the product is within |twist| h (|speed_col| + spread) +
        |right + twist row| spread of its middle. Rows likewise; ``bend`` holds both first factors.
        """
        twist = slopes.twist[channel].take(self.corner)
        across = slopes.right[channel].take(self.corner).addcmul_(twist, self.row)
        along = slopes.down[channel].take(self.corner).addcmul_(twist, self.col)
        middle = (across * self.speed_col).addcmul_(along, self.speed_row)
        reach = (across.abs_() + along.abs_()).mul_(self.spread)
        reach = reach.addcmul_(twist.abs_(), self.bend).add_(SLACK)
        return middle - reach, middle + reach


@final
@dataclass(frozen=True, eq=False)
class _Reach:
    """Where the source points of pixels can be while the angle moves within cells of angles.

    main: a visit for every (cell, pixel), row by row. others: (places, visits) for the cells of
    pixels that some of them may be in as well.

    Source: C3 (docs/theory.md). The source point u(theta) of a pixel at radius r moves on a circle:
    u(theta) lies within |u'(m)| D + r D^2 / 2 of u(m), and u' within r D of u'(m), on an interval
    of half-width D around m. It can only be in the cells that this box touches (fewer than one
    pixel wide: at most 2 x 2), and in each the partial derivatives of the interpolant are linear.
    At a kink the interval holds both one-sided derivatives.
    """

    count: int
    main: _Visit
    others: tuple[tuple[Tensor, _Visit], ...]

    def intervals(self, slopes: _Slopes) -> tuple[Tensor, Tensor]:
        """Both ends of psi'_p on every cell, (C, cells, P) each."""
        channels = [self._channel(slopes, c) for c in range(len(slopes.right))]
        low, high = (torch.stack(part) for part in zip(*channels, strict=True))
        return low, high

    def _channel(self, slopes: _Slopes, channel: int) -> tuple[Tensor, Tensor]:
        low, high = self.main.interval(slopes, channel)
        for place, visit in self.others:
            least, most = visit.interval(slopes, channel)
            low[place] = torch.minimum(low[place], least)
            high[place] = torch.maximum(high[place], most)
        return low.view(self.count, -1), high.view(self.count, -1)


def _bytes(values: Tensor) -> bytes:
    return values.detach().cpu().numpy().tobytes()


def _reach(
    shape: tuple[int, ...], places: bytes, lower: bytes, upper: bytes, device: torch.device
) -> _Reach:
    """For pixels (int64) and ends of cells (float64) given by their bytes: they are a key."""
    pixels = torch.from_numpy(np.frombuffer(places, dtype=np.int64).copy()).to(device)
    ends = (np.frombuffer(end, dtype=np.float64).copy() for end in (lower, upper))
    low, high = (torch.from_numpy(end).to(device) for end in ends)
    row, col = offsets(shape, pixels)
    middle, half = ((low + high) / 2)[:, None], ((high - low) / 2)[:, None]
    cos, sin = torch.cos(middle), torch.sin(middle)
    # Source of output pixel (row, col) when the content turns anticlockwise by theta.
    u_row, u_col = row * cos + col * sin, col * cos - row * sin
    spread = half * torch.hypot(row, col)
    curve = 0.5 * spread * half + SLACK
    pad = margin_px(torch.Size((1, *shape)), pixels)
    rows = _track(u_row + ((shape[0] - 1) / 2 + pad), u_col, u_col.abs() * half + curve)
    cols = _track(u_col + ((shape[1] - 1) / 2 + pad), -u_row, u_row.abs() * half + curve)
    spread, width = (spread + SLACK).flatten(), shape[1] + 2 * pad
    main, down, right = _visit(rows, cols, spread, width, (0, 0)), rows.crosses(), cols.crosses()
    others = []
    for moved, step in ((down, (1, 0)), (right, (0, 1)), (down & right, (1, 1))):
        if len(place := moved.nonzero()[:, 0]):
            part = rows.take(place), cols.take(place), spread[place]
            others.append((place, _visit(*part, width, step)))
    return _Reach(len(low), main, tuple(others))


# The first grid of a region is the same for every image; 16 chunks take about 64 MiB.
_kept_reach = lru_cache(maxsize=16)(_reach)


class _Track(NamedTuple):
    """One coordinate of source points, (m,).

    speed: at the middle angle. low, high: between which they stay. first: the first interpolation
    cell that they touch.
    """

    speed: Tensor
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
        low, high = (self.low - cell).clamp_(0, 1), (self.high - cell).clamp_(0, 1)
        # The half-width is rounded outwards like everything else.
        return (low + high).div_(2), (high - low).div_(2).add_(SLACK)


def _track(at: Tensor, speed: Tensor, reach: Tensor) -> _Track:
    """Source points that stay within ``reach`` of ``at``."""
    low, high = (at - reach).flatten(), (at + reach).flatten()
    return _Track(speed.flatten(), low, high, low.floor())


def _visit(rows: _Track, cols: _Track, spread: Tensor, width: int, step: tuple[int, int]) -> _Visit:
    """Source points in the cell ``step`` away from their first one."""
    (row, tall), (col, wide) = rows.within(step[0]), cols.within(step[1])
    bend = (cols.speed.abs() + spread).mul_(tall)
    bend = bend.add_((rows.speed.abs() + spread).mul_(wide))
    corner = (rows.first * width + cols.first).long().add_(step[0] * width + step[1])
    return _Visit(corner, row, col, rows.speed, cols.speed, spread, bend)

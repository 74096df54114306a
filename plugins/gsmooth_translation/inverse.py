"""Where the original of a translated image can lie: an interval inverse of bilinear interpolation.

Between whole numbers of pixels the attacked image is a bilinear mix of four integer shifts, with
the same weights w at every pixel. At the middle m of a cell of shifts, every original x obeys

    |x'_p - sum_i w_i x_i| <= rounding + SLACK + D_x G_x + D_y G_y

with D the cell's half-widths and G the largest slope, along each axis, that images of the box have
in the grid cell that is mixed at p: the mix is linear in dx and in dy, and G bounds its derivative.
Solved for one pixel at a time, the others anywhere in their intervals, the equations shrink the box
[0, 1]^d, and with it G. Nothing is ever removed that an original could be, so an interval that ends
before it begins proves that no shift of the cell gave x'. Source: Fischer et al. (2020), section on
online certification; the equations at one shift with a slack are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from typing import Final, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.transforms.base import Enclosure
from gsmooth_translation.fourier import FourierFrame
from gsmooth_translation.phases import FourierSpace
from gsmooth_translation.pixels import PixelSpace
from gsmooth_translation.shifts import Padding
from gsmooth_translation.space import Space

# Outward slack on every equation: some hundred float64 operations, and 2^-24 for attacked images
# that were stored as float32.
SLACK: Final = 1e-9 + 2.0**-24
LEAST_WEIGHT: Final = 1e-5
"""Pixels with less weight in an equation learn nothing from it."""
ROUNDS: Final = 12
"""Passes over all equations: knowledge travels about a pixel a pass."""
PATIENCE: Final = 1e-3
"""The passes end when no interval shrinks by more than this."""
ENTRIES: Final = 2**16
"""Numbers an image of all cells holds at most while they are worked on, at least one cell."""
# Outward slack for the float64 arithmetic of lift and norm, relative and absolute.
NUMERICAL: Final = 1e-9

MIXED: Final = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Whole pixels, in rows and columns, by which the four shifts go beyond the floor."""


def enclose(
    space: Space, x: Tensor, lower: Tensor, upper: Tensor, rounding: float, padding: Padding
) -> Enclosure:
    """Balls around L of the originals of x (1, C, H, W), for cells (n, 2) of (dx, dy) in pixels.

    No cell may reach across a whole number of pixels. The middle of the box, lifted, with a bound
    on ||L v|| over all v within the half-widths.
    """
    low, high, possible = invert(x[0], lower, upper, rounding, padding)
    half = ((high - low) / 2).clamp_min(0.0)
    radius = _longest(space, half) * (1.0 + NUMERICAL) + NUMERICAL * (1.0 + math.sqrt(x.numel()))
    return Enclosure(space.lift((low + high) / 2), radius, possible)


@singledispatch
def _longest(space: Space, half: Tensor) -> Tensor:
    """sup ||L v|| over |v| <= half pixel by pixel, or a bound on it; (n, C, H, W) -> (n,)."""
    longest: Tensor = space.norm * half.flatten(1).norm(dim=1)
    return longest


@_longest.register
def _(space: PixelSpace, half: Tensor) -> Tensor:
    """A mask: ||L v|| <= ||L half||."""
    longest: Tensor = space.lift(half).norm(dim=1)
    return longest


@_longest.register
def _(space: FourierSpace, half: Tensor) -> Tensor:
    """||L v||^2 = v' (R'R x C'C) v, R the matrix of rows and C of columns: take absolute values."""
    down, along = _overlaps(space.frame)
    squared = (half * (down @ half @ along)).flatten(1).sum(dim=1)
    return squared.clamp_min(0.0).sqrt()


@lru_cache(maxsize=16)
def _overlaps(frame: FourierFrame) -> tuple[Tensor, Tensor]:
    """|R'R| (H, H) and |C'C| (W, W)."""
    down, along = (np.abs(axis.matrix.T @ axis.matrix) for axis in (frame.rows, frame.cols))
    return torch.from_numpy(down), torch.from_numpy(along)


def invert(
    x: Tensor, lower: Tensor, upper: Tensor, rounding: float, padding: Padding
) -> tuple[Tensor, Tensor, Tensor]:
    """Intervals (n, C, H, W) that hold every original of x (C, H, W), and where there is one (n,).

    lower, upper (n, 2): cells of (dx, dy). What reflection brings in from outside is taken for
    pixels of their own: that they are copies is not used.
    """
    outside = 1.0 if padding == "reflection" else 0.0
    corner = lower.floor()
    if bool((upper - corner > 1.0).any()) or bool((upper < lower).any()):
        raise ValueError("cells must not reach across a whole number of pixels")
    low = x.new_zeros(len(lower), *x.shape)
    high = torch.ones_like(low)
    possible = torch.zeros(len(lower), dtype=torch.bool, device="cpu")
    grid, owner = torch.unique(corner, dim=0, return_inverse=True)
    rows = max(1, ENTRIES // x.numel())
    for place, (dx, dy) in enumerate(grid.long().tolist()):
        cells = (owner == place).nonzero().flatten()
        for part in (cells[start : start + rows] for start in range(0, len(cells), rows)):
            mix = _Mix.of(dx, dy, lower[part] - corner[part], upper[part] - corner[part])
            low[part], high[part], possible[part] = _contract(x, mix, rounding + SLACK, outside)
    return low, high, possible


@final
@dataclass(frozen=True)
class _Mix:
    """Four integer shifts mixed at the middle of n cells; images have ``pad`` more pixels a side.

    dx, dy: the floor of every shift. weights (n, 4): of the four. half (n, 2): half-widths.
    """

    dx: int
    dy: int
    weights: Tensor
    half: Tensor

    @classmethod
    def of(cls, dx: int, dy: int, low: Tensor, high: Tensor) -> _Mix:
        """The mixes of cells between low and high (n, 2), fractions of a pixel."""
        s, t = ((low + high) / 2).unbind(dim=1)
        weights = [(t if i else 1 - t) * (s if j else 1 - s) for i, j in MIXED]
        return cls(dx, dy, torch.stack(weights, dim=1), (high - low) / 2 + 1e-12)

    @property
    def pad(self) -> int:
        """Pixels on every side that no shift reaches beyond."""
        return max(abs(self.dx), abs(self.dy)) + 1

    def take(self, kept: Tensor) -> _Mix:
        """The mixes of some of the cells."""
        return _Mix(self.dx, self.dy, self.weights[kept], self.half[kept])

    def views(self, padded: Tensor) -> list[Tensor]:
        """The four shifted images, as views into padded (n, C, padded H, padded W)."""
        height, width = padded.shape[2] - 2 * self.pad, padded.shape[3] - 2 * self.pad
        top, left = self.pad - self.dy, self.pad - self.dx
        return [
            padded[:, :, top - i : top - i + height, left - j : left - j + width] for i, j in MIXED
        ]


def _contract(x: Tensor, mix: _Mix, slack: float, outside: float) -> tuple[Tensor, Tensor, Tensor]:
    """low, high (n, C, H, W) and possible (n,) for the cells of ``mix``.

    outside: the largest value of what comes in at the edges; the least is 0.
    """
    count = len(mix.half)
    high = F.pad(
        torch.ones(count, *x.shape, dtype=x.dtype, device="cpu"), (mix.pad,) * 4, value=outside
    )
    low = torch.zeros_like(high)
    found_low, found_high = low.clone(), high.clone()
    alive = torch.arange(count, dtype=torch.int64, device="cpu")
    for _ in range(ROUNDS):
        before = (high - low).clone()
        _pass(x, mix, low, high, slack)
        gain = float((before - (high - low)).max())
        kept = (low <= high).flatten(1).all(dim=1)
        if not bool(kept.all()):
            alive, mix, low, high = alive[kept], mix.take(kept), low[kept], high[kept]
        if not len(alive) or gain <= PATIENCE:
            break
    found_low[alive], found_high[alive] = low, high
    possible = torch.zeros(count, dtype=torch.bool, device="cpu")
    possible[alive] = True
    inner = (..., slice(mix.pad, -mix.pad), slice(mix.pad, -mix.pad))
    return found_low[inner], found_high[inner], possible


def _pass(x: Tensor, mix: _Mix, low: Tensor, high: Tensor, slack: float) -> None:
    """Let every equation speak once; low, high are tightened in place."""
    lows, highs = mix.views(low), mix.views(high)
    weights = [weight[:, None, None, None] for weight in mix.weights.unbind(dim=1)]
    spare = slack + _swing(mix, lows, highs)
    least = [weight * view for weight, view in zip(weights, lows, strict=True)]
    most = [weight * view for weight, view in zip(weights, highs, strict=True)]
    above = x + spare - sum(least)
    below = x - spare - sum(most)
    for place, weight in enumerate(weights):
        speaks = weight > LEAST_WEIGHT
        # What the other three pixels leave for this one.
        most_here = torch.where(speaks, (above + least[place]) / weight, math.inf)
        least_here = torch.where(speaks, (below + most[place]) / weight, -math.inf)
        torch.minimum(highs[place], most_here, out=highs[place])
        torch.maximum(lows[place], least_here, out=lows[place])


def _swing(mix: _Mix, lows: list[Tensor], highs: list[Tensor]) -> Tensor:
    """How far an attacked pixel can move while the shift stays in its cell, (n, C, H, W)."""

    def steepest(*edges: tuple[int, int]) -> Tensor:
        apart = [torch.maximum(highs[a] - lows[b], highs[b] - lows[a]) for a, b in edges]
        return torch.maximum(*apart)

    # Along each axis the slope lies between those of the grid cell's two edges.
    half_x, half_y = (half[:, None, None, None] for half in mix.half.unbind(dim=1))
    return half_x * steepest((0, 1), (2, 3)) + half_y * steepest((0, 2), (1, 3))

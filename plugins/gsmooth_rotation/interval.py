"""Where the original of a rotated image can lie: an interval inverse of bilinear interpolation.

Every attacked pixel p gives one equation: with w the bilinear weights at the middle m of a cell of
angles, |x'_p - sum_i w_i x_i| <= s_p for every original x and every angle of the cell, where

    s_p = rounding + SLACK + D sup|u'_row| G_row + D sup|u'_col| G_col

D is the cell's half-width, u the source point, and G_row, G_col are the largest slopes that images
of the box have in any grid cell that u can lie in: psi_p is continuous in the angle, and its
derivative, where it has one, is grad B . u'. Solved for one pixel at a time, the others anywhere
in their intervals, the equations shrink the box [0, 1]^d; a smaller box has smaller slopes, hence a
smaller s. Nothing is ever removed from the box that an original could be, so an interval that ends
before it begins proves that no angle of the cell gave x'. Source: Fischer et al. (2020), section
on online certification; the equations at one angle with a slack are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor

# Outward slack on every equation: some hundred float64 operations, and 2^-24 for attacked images
# that were stored as float32.
SLACK: Final = 1e-9 + 2.0**-24
LEAST_WEIGHT: Final = 1e-5
"""Pixels with less weight in an equation learn nothing from it."""
ROUNDS: Final = 12
"""Passes over all equations: knowledge travels about a pixel a pass."""
PATIENCE: Final = 1e-3
"""The passes end when no interval shrinks by more than this."""
ENTRIES: Final = 2**18
"""Numbers an array holds at most while cells are worked on, at least one cell."""


@final
@dataclass(frozen=True)
class Box:
    """Intervals (n, C, H * W) that hold every original; possible (n,): False where there is none.

    known (n,): False for cells too wide to be inverted, which keep [0, 1]^d.
    """

    low: Tensor
    high: Tensor
    possible: Tensor
    known: Tensor


def invert(x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Box:
    """The originals of x (C, H, W) for cells of angles; lower, upper (n,) in radians."""
    channels, height, width = x.shape
    count, pixels = len(lower), height * width
    low = x.new_zeros(count, channels, pixels)
    high = torch.ones_like(low)
    possible = torch.ones(count, dtype=torch.bool, device="cpu")
    known = upper - lower <= 2.0 * _widest_half(height, width)
    todo = known.nonzero().flatten()
    rows = max(1, ENTRIES // (4 * channels * pixels))
    for part in (todo[start : start + rows] for start in range(0, len(todo), rows)):
        warp = Warp.of(height, width, lower[part], upper[part])
        low[part], high[part], possible[part] = _contract(x, warp, rounding + SLACK)
    return Box(low, high, possible, known)


def _widest_half(height: int, width: int) -> float:
    """The widest half-width D of a cell: a source point then moves by D r (1 + D) < 1/2 pixel."""
    return min(0.4 / math.hypot(height / 2, width / 2), 0.2)


@final
@dataclass(frozen=True)
class Warp:
    """The bilinear rotation at the middle of n cells, on images with ``pad`` zeros on every side.

    corners, weights (n, P, 4): flat indices and weights of the pixels that are mixed. touched
    (n, P, 4): first pixels of the grid cells that the source point can lie in. moves (2, n, P): how
    far it can move from the middle, in rows and columns.
    """

    height: int
    width: int
    pad: int
    corners: Tensor
    weights: Tensor
    touched: Tensor
    moves: Tensor

    @classmethod
    def of(cls, height: int, width: int, lower: Tensor, upper: Tensor) -> Warp:
        """The warps of cells (n,) of angles in radians."""
        places = torch.arange(height * width, dtype=torch.int64, device="cpu")
        row = (places // width).double() - (height - 1) / 2
        col = (places % width).double() - (width - 1) / 2
        radius = torch.hypot(row, col)
        middle, half = ((lower + upper) / 2)[:, None], ((upper - lower) / 2)[:, None]
        cos, sin = torch.cos(middle), torch.sin(middle)
        pad = max(0, math.ceil(float(radius.max()) - min(height, width) / 2)) + 3
        # Source of output pixel (row, col) when the content turns anticlockwise; its velocity is
        # the same point turned by a quarter.
        turned = torch.stack([row * cos + col * sin, col * cos - row * sin])
        origin = _origin(height, width, pad)
        at = turned + origin[:, None, None]
        moves = half * (turned.flip(0).abs() + half * radius) + 1e-9
        across = width + 2 * pad
        first, last = (at - moves).floor(), (at + moves).floor()
        touched = [r * across + c for r in (first[0], last[0]) for c in (first[1], last[1])]
        base = at.floor()
        down, right = at - base
        corner = (base[0] * across + base[1]).long()
        steps = torch.tensor([0, 1, across, across + 1], dtype=torch.int64, device="cpu")
        mixed = [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
        return cls(
            height,
            width,
            pad,
            corner[..., None] + steps,
            torch.stack(mixed, dim=-1),
            torch.stack(touched, dim=-1).long(),
            moves,
        )

    def matrix(self) -> csr_array:
        """B of the first cell, (P, P)."""
        across, pixels = self.width + 2 * self.pad, self.height * self.width
        corner = self.corners[0].flatten().numpy()
        row, col = corner // across - self.pad, corner % across - self.pad
        inside = (row >= 0) & (row < self.height) & (col >= 0) & (col < self.width)
        place = np.repeat(np.arange(pixels), 4)[inside], (row * self.width + col)[inside]
        weights = self.weights[0].flatten().numpy()[inside]
        return csr_array((weights, place), shape=(pixels, pixels))

    def take(self, kept: Tensor) -> Warp:
        """The warps of some of the cells."""
        return Warp(
            self.height,
            self.width,
            self.pad,
            self.corners[kept],
            self.weights[kept],
            self.touched[kept],
            self.moves[:, kept],
        )


def _origin(height: int, width: int, pad: int) -> Tensor:
    """The image centre in a padded image, (2,): row and column."""
    return torch.tensor(
        [(height - 1) / 2 + pad, (width - 1) / 2 + pad], dtype=torch.float64, device="cpu"
    )


def _contract(x: Tensor, warp: Warp, slack: float) -> tuple[Tensor, Tensor, Tensor]:
    """low, high (n, C, P) and possible (n,) for the cells of ``warp``."""
    count, channels = len(warp.corners), len(x)
    sides = (warp.pad,) * 4
    high = F.pad(x.new_ones(count, channels, warp.height, warp.width), sides)
    low = torch.zeros_like(high)
    found_low, found_high = low.clone(), high.clone()
    alive = torch.arange(count, dtype=torch.int64, device="cpu")
    for _ in range(ROUNDS):
        tighter = _pass(x, warp, low, high, slack)
        gain = float(torch.maximum(tighter[0] - low, high - tighter[1]).max())
        low, high = tighter
        kept = (low <= high).flatten(1).all(dim=1)
        alive = alive[kept]
        if not len(alive) or gain <= PATIENCE:
            low, high = low[kept], high[kept]
            break
        if not bool(kept.all()):
            warp, low, high = warp.take(kept), low[kept], high[kept]
    found_low[alive], found_high[alive] = low, high
    possible = torch.zeros(count, dtype=torch.bool, device="cpu")
    possible[alive] = True
    inner = (..., slice(warp.pad, -warp.pad), slice(warp.pad, -warp.pad))
    return found_low[inner].flatten(2), found_high[inner].flatten(2), possible


def _pass(x: Tensor, warp: Warp, low: Tensor, high: Tensor, slack: float) -> tuple[Tensor, Tensor]:
    """The box after every equation has spoken once; low, high (n, C, padded H, padded W)."""
    count, channels = low.shape[:2]
    flat_low, flat_high = low.flatten(2), high.flatten(2)
    weights = warp.weights[:, None]
    place = warp.corners.flatten(1)[:, None].expand(-1, channels, -1)
    shape = (count, channels, *warp.weights.shape[1:])
    least = flat_low.gather(2, place).view(shape) * weights
    most = flat_high.gather(2, place).view(shape) * weights
    spare = (slack + swing(warp, low, high))[..., None]
    middle = x.flatten(1)[None, :, :, None]
    # What the other three pixels leave for this one.
    above = middle + spare - (least.sum(dim=-1, keepdim=True) - least)
    below = middle - spare - (most.sum(dim=-1, keepdim=True) - most)
    speaks = weights > LEAST_WEIGHT
    above = torch.where(speaks, above / weights, math.inf)
    below = torch.where(speaks, below / weights, -math.inf)
    flat_high = flat_high.scatter_reduce(2, place, above.flatten(2), "amin")
    flat_low = flat_low.scatter_reduce(2, place, below.flatten(2), "amax")
    return flat_low.view_as(low), flat_high.view_as(high)


def swing(warp: Warp, low: Tensor, high: Tensor) -> Tensor:
    """How far an attacked pixel can move while the angle stays in its cell, (n, C, P)."""
    rise = torch.maximum(high[..., 1:, :] - low[..., :-1, :], high[..., :-1, :] - low[..., 1:, :])
    drift = torch.maximum(high[..., 1:] - low[..., :-1], high[..., :-1] - low[..., 1:])
    # A grid cell's slope lies between those of its two edges.
    rise = F.pad(torch.maximum(rise[..., 1:], rise[..., :-1]), (0, 1, 0, 1))
    drift = F.pad(torch.maximum(drift[..., 1:, :], drift[..., :-1, :]), (0, 1, 0, 1))
    shape = (*low.shape[:2], *warp.touched.shape[1:])
    place = warp.touched.flatten(1)[:, None].expand(-1, low.shape[1], -1)
    steepest = [
        slope.flatten(2).gather(2, place).view(shape).amax(dim=-1) for slope in (rise, drift)
    ]
    return warp.moves[0][:, None] * steepest[0] + warp.moves[1][:, None] * steepest[1]

"""Balls of z-space that contain every possible original of a rotated image.

The slack of an equation (``gsmooth.geometry.interval_inverse``) is

    s_p = rounding + SLACK + D sup|u'_row| G_row + D sup|u'_col| G_col

D is the cell's half-width, u the source point, and G_row, G_col are the largest slopes that images
of the box have in any grid cell that u can lie in: psi_p is continuous in the angle, and its
derivative, where it has one, is grad B . u'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor

from gsmooth.geometry.interval_inverse import SLACK, ball, contract
from gsmooth.geometry.pixels import offsets
from gsmooth.geometry.settings import GEOMETRY
from gsmooth.geometry.space import Space
from gsmooth.transforms.base import Enclosure
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.fusion import Fusion, lift_matrix
from gsmooth_rotation.settings import ROTATION


def enclose(space: Space, x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Enclosure:
    """Enclose the lifted originals of x (1, C, H, W) in balls, for cells (n, 1) of degrees.

    The centre is the lifted middle of the box of originals, and the radius bounds ||L v|| over all
    v within its half-widths. If that radius is large, ``fusion`` gives a smaller ball.
    """
    low, high = (torch.deg2rad(end[:, 0]) for end in (lower, upper))
    box = invert(x[0], low, high, rounding)
    centre, radius = ball(space, box.low, box.high)
    possible = box.possible.clone()
    if isinstance(space, PolarSpace) and x[0, 0].numel() <= ROTATION.search.largest_fusion:
        wide = radius > ROTATION.search.wide_box
        for cell in (box.possible & box.known & wide).nonzero().flatten().tolist():
            warp = Warp.of(x.shape[2], x.shape[3], low[cell, None], high[cell, None])
            found = _fused(space, x, warp, float(low[cell] + high[cell]) / 2, box, cell, rounding)
            if found is None:
                possible[cell] = False
            elif found[1] < float(radius[cell]):
                centre[cell], radius[cell] = found
    return Enclosure(centre, radius.masked_fill(~box.known, math.inf), possible)


def _fused(
    space: PolarSpace, x: Tensor, warp: Warp, middle: float, box: Box, cell: int, rounding: float
) -> tuple[Tensor, float] | None:
    """Return centre (C * K,) and radius of one cell by ``fusion``; None if no original exists."""
    shape, sides = x.shape[1:], (warp.pad,) * 4
    low, high = (F.pad(end[cell][None], sides) for end in (box.low, box.high))
    slack = (swing(warp, low, high)[0] + rounding + SLACK).numpy()
    least, most = (end[cell].flatten(1).numpy() for end in (box.low, box.high))
    fusion = Fusion(warp.matrix(), *lift_matrix(space, warp.height, warp.width))
    found, room = [], 0.0
    for sent, spare, below, above in zip(x[0].flatten(1).numpy(), slack, least, most, strict=True):
        y, left = fusion.ball(sent, spare, (below + above) / 2, (above - below) / 2)
        if left < 0.0:
            return None
        found.append(torch.from_numpy(y))
        room += left
    lipschitz_bound = _lipschitz_bound(space, warp.height, warp.width, middle)
    return space.lift(torch.stack(found).view(1, *shape))[0], math.sqrt(lipschitz_bound * room)


@lru_cache(maxsize=65536)
def _lipschitz_bound(space: PolarSpace, height: int, width: int, angle: float) -> float:
    """Return lam of ``fusion`` at an angle in radians, cached: it is the same for all images."""
    here = torch.tensor([angle], dtype=torch.float64, device="cpu")
    matrix = Warp.of(height, width, here, here).matrix()
    return Fusion(matrix, *lift_matrix(space, height, width)).lipschitz_bound


@final
@dataclass(frozen=True)
class Box:
    """Boxes of originals for n cells.

    low, high (n, C, H, W): ends of the intervals, which contain every original. possible (n,):
    False if no original exists. known (n,): False for cells too wide to be inverted, whose box is
    [0, 1]^d.
    """

    low: Tensor
    high: Tensor
    possible: Tensor
    known: Tensor


def invert(x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Box:
    """Compute the boxes of originals of x (C, H, W) for cells lower, upper (n,) in radians."""
    channels, height, width = x.shape
    count, pixels = len(lower), height * width
    low = x.new_zeros(count, *x.shape)
    high = torch.ones_like(low)
    possible = torch.ones(count, dtype=torch.bool, device="cpu")
    known = upper - lower <= 2.0 * _widest_half(height, width)
    todo = known.nonzero().flatten()
    rows = max(1, ROTATION.memory.preimages // (4 * channels * pixels))
    for part in (todo[start : start + rows] for start in range(0, len(todo), rows)):
        warp = Warp.of(height, width, lower[part], upper[part])
        low[part], high[part], possible[part] = contract(warp, x, len(part), rounding)
    return Box(low, high, possible, known)


def _widest_half(height: int, width: int) -> float:
    """Return the largest half-width D of a cell: source points move by D r (1 + D) < 1/2 pixel."""
    return min(0.4 / math.hypot(height / 2, width / 2), 0.2)


@final
@dataclass(frozen=True)
class Warp:
    """The bilinear rotation at the middle of n cells, on images with ``pad`` zeros on every side.

    corners, weights (n, P, 4): flat indices and weights of the interpolated pixels. touched
    (n, P, 4): first pixels of the grid cells that the source point can touch. moves (2, n, P): its
    largest distance from the middle, in rows and columns.
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
        row, col = offsets((height, width), places)
        radius = torch.hypot(row, col)
        middle, half = ((lower + upper) / 2)[:, None], ((upper - lower) / 2)[:, None]
        cos, sin = torch.cos(middle), torch.sin(middle)
        pad = max(0, math.ceil(float(radius.max()) - min(height, width) / 2)) + 3
        # Source of output pixel (row, col) when the content turns anticlockwise; its velocity is
        # the same point turned by a quarter.
        turned = torch.stack([row * cos + col * sin, col * cos - row * sin])
        at = torch.stack(
            [turned[0] + ((height - 1) / 2 + pad), turned[1] + ((width - 1) / 2 + pad)]
        )
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

    def solved(
        self, x: Tensor, low: Tensor, high: Tensor, slack: float
    ) -> tuple[Tensor, Tensor, float]:
        """Solve every equation once, all with the same box."""
        count, channels = low.shape[:2]
        flat_low, flat_high = low.flatten(2), high.flatten(2)
        weights = self.weights[:, None]
        place = self.corners.flatten(1)[:, None].expand(-1, channels, -1)
        shape = (count, channels, *self.weights.shape[1:])
        least = flat_low.gather(2, place).view(shape) * weights
        most = flat_high.gather(2, place).view(shape) * weights
        spare = (slack + swing(self, low, high))[..., None]
        middle = x.flatten(1)[None, :, :, None]
        # Bounds of this pixel, given the intervals of the other three.
        above = middle + spare - (least.sum(dim=-1, keepdim=True) - least)
        below = middle - spare - (most.sum(dim=-1, keepdim=True) - most)
        bounding = weights > GEOMETRY.least_weight
        above = torch.where(bounding, above / weights, math.inf)
        below = torch.where(bounding, below / weights, -math.inf)
        flat_high = flat_high.scatter_reduce(2, place, above.flatten(2), "amin")
        flat_low = flat_low.scatter_reduce(2, place, below.flatten(2), "amax")
        flat_high = flat_high.view_as(high)
        flat_low = flat_low.view_as(low)
        gain = float(torch.maximum(flat_low - low, high - flat_high).max())
        return flat_low, flat_high, gain

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
        corners, weights = self.corners[kept], self.weights[kept]
        touched, moves = self.touched[kept], self.moves[:, kept]
        return replace(self, corners=corners, weights=weights, touched=touched, moves=moves)


def swing(warp: Warp, low: Tensor, high: Tensor) -> Tensor:
    """Bound the change of an attacked pixel while the angle stays in its cell, (n, C, P)."""
    rise = torch.maximum(high[..., 1:, :] - low[..., :-1, :], high[..., :-1, :] - low[..., 1:, :])
    drift = torch.maximum(high[..., 1:] - low[..., :-1], high[..., :-1] - low[..., 1:])
    # The slope in a grid cell lies between the slopes at its two edges.
    rise = F.pad(torch.maximum(rise[..., 1:], rise[..., :-1]), (0, 1, 0, 1))
    drift = F.pad(torch.maximum(drift[..., 1:, :], drift[..., :-1, :]), (0, 1, 0, 1))
    shape = (*low.shape[:2], *warp.touched.shape[1:])
    place = warp.touched.flatten(1)[:, None].expand(-1, low.shape[1], -1)
    steepest = [
        slope.flatten(2).gather(2, place).view(shape).amax(dim=-1) for slope in (rise, drift)
    ]
    return warp.moves[0][:, None] * steepest[0] + warp.moves[1][:, None] * steepest[1]

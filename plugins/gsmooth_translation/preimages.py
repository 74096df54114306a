"""Where the original of a translated image can lie: an interval inverse of bilinear interpolation.

Between whole numbers of pixels the attacked image is a bilinear mix of four integer shifts, with
the same weights w at every pixel. At the middle m of a cell of shifts, every original x obeys

    |x'_p - sum_i w_i x_i| <= rounding + SLACK + D_x G_x + D_y G_y

with D the cell's half-widths and G the largest slope, along each axis, that images of the box have
in the grid cell that is mixed at p: the mix is linear in dx and in dy, and G bounds its derivative.
These equations are solved as in ``gsmooth.geometry.interval_inverse``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.geometry.interval_inverse import ball, contract
from gsmooth.geometry.settings import GEOMETRY
from gsmooth.geometry.space import Space
from gsmooth.transforms.base import Enclosure
from gsmooth_translation.attack import TRANSLATION, Padding

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
    return Enclosure(*ball(space, low, high), possible)


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
    rows = max(1, TRANSLATION.preimages // x.numel())
    for place, (dx, dy) in enumerate(grid.long().tolist()):
        cells = (owner == place).nonzero().flatten()
        for part in (cells[start : start + rows] for start in range(0, len(cells), rows)):
            mix = _Mix.of(dx, dy, lower[part] - corner[part], upper[part] - corner[part])
            low[part], high[part], possible[part] = contract(mix, x, len(part), rounding, outside)
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

    def solved(
        self, x: Tensor, low: Tensor, high: Tensor, slack: float
    ) -> tuple[Tensor, Tensor, float]:
        """The box after every equation was solved once, tightened in place by one at a time."""
        before = high - low
        lows, highs = self.views(low), self.views(high)
        weights = [weight[:, None, None, None] for weight in self.weights.unbind(dim=1)]
        spare = slack + _swing(self, lows, highs)
        least = [weight * view for weight, view in zip(weights, lows, strict=True)]
        most = [weight * view for weight, view in zip(weights, highs, strict=True)]
        above = x + spare - sum(least)
        below = x - spare - sum(most)
        for place, weight in enumerate(weights):
            speaks = weight > GEOMETRY.least_weight
            # What the other three pixels leave for this one.
            most_here = torch.where(speaks, (above + least[place]) / weight, math.inf)
            least_here = torch.where(speaks, (below + most[place]) / weight, -math.inf)
            torch.minimum(highs[place], most_here, out=highs[place])
            torch.maximum(lows[place], least_here, out=lows[place])
        return low, high, float((before - (high - low)).max())


def _swing(mix: _Mix, lows: list[Tensor], highs: list[Tensor]) -> Tensor:
    """How far an attacked pixel can move while the shift stays in its cell, (n, C, H, W)."""

    def steepest(*edges: tuple[int, int]) -> Tensor:
        apart = [torch.maximum(highs[a] - lows[b], highs[b] - lows[a]) for a, b in edges]
        return torch.maximum(*apart)

    # Along each axis the slope lies between those of the grid cell's two edges.
    half_x, half_y = (half[:, None, None, None] for half in mix.half.unbind(dim=1))
    return half_x * steepest((0, 1), (2, 3)) + half_y * steepest((0, 2), (1, 3))

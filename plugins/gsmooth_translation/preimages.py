"""Boxes and balls that contain every possible original of a translated image.

Between whole numbers of pixels the attacked image is a bilinear mix of four integer shifts, with
the same weights w at every pixel. At the middle m of a cell of shifts, every original x obeys

    |x'_p - sum_i w_i x_i| <= rounding + SLACK + D_x G_x + D_y G_y

with D the cell's half-widths and G the largest slope, along each axis, of images of the box in the
grid cell that is mixed at p: the mix is linear in dx and in dy, and G bounds its derivative.
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
"""Offsets of the four shifts from the floor, in whole rows and columns."""


def enclose(
    space: Space, x: Tensor, lower: Tensor, upper: Tensor, rounding: float, padding: Padding
) -> Enclosure:
    """Enclose the lifted originals of x (1, C, H, W) in balls, for cells (n, 2) of (dx, dy), px.

    No cell may contain a whole number of pixels in its interior. The centre is the lifted middle of
    the box of originals, and the radius bounds ||L v|| over all v within its half-widths.
    """
    low, high, possible = invert(x[0], lower, upper, rounding, padding)
    return Enclosure(*ball(space, low, high), possible)


def invert(
    x: Tensor, lower: Tensor, upper: Tensor, rounding: float, padding: Padding
) -> tuple[Tensor, Tensor, Tensor]:
    """Return intervals (n, C, H, W) that contain every original of x (C, H, W), and a mask (n,).

    The mask is False if no original exists. lower, upper (n, 2): cells. With reflection,
    pixels outside the image are treated as independent; that they are copies is not used.
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
    """A mix of four integer shifts at the middle of n cells, on images with ``pad`` more pixels.

    dx, dy: the floor of every shift. weights (n, 4): of the four shifts. half (n, 2): half-widths.
    """

    dx: int
    dy: int
    weights: Tensor
    half: Tensor

    @classmethod
    def of(cls, dx: int, dy: int, low: Tensor, high: Tensor) -> _Mix:
        """Return the mixes of cells between low and high (n, 2), in fractions of a pixel."""
        s, t = ((low + high) / 2).unbind(dim=1)
        weights = [(t if i else 1 - t) * (s if j else 1 - s) for i, j in MIXED]
        return cls(dx, dy, torch.stack(weights, dim=1), (high - low) / 2 + 1e-12)

    @property
    def pad(self) -> int:
        """Width of the border, px; no shift reads pixels beyond it."""
        return max(abs(self.dx), abs(self.dy)) + 1

    def take(self, kept: Tensor) -> _Mix:
        """Return the mixes of the cells in ``kept``."""
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
        """Solve every equation once; each step uses the box of the step before."""
        before = high - low
        lows, highs = self.views(low), self.views(high)
        weights = [weight[:, None, None, None] for weight in self.weights.unbind(dim=1)]
        spare = slack + _swing(self, lows, highs)
        least = [weight * view for weight, view in zip(weights, lows, strict=True)]
        most = [weight * view for weight, view in zip(weights, highs, strict=True)]
        above = x + spare - sum(least)
        below = x - spare - sum(most)
        for place, weight in enumerate(weights):
            bounding = weight > GEOMETRY.least_weight
            # Bounds of this pixel, given the intervals of the other three.
            most_here = torch.where(bounding, (above + least[place]) / weight, math.inf)
            least_here = torch.where(bounding, (below + most[place]) / weight, -math.inf)
            torch.minimum(highs[place], most_here, out=highs[place])
            torch.maximum(lows[place], least_here, out=lows[place])
        return low, high, float((before - (high - low)).max())


def _swing(mix: _Mix, lows: list[Tensor], highs: list[Tensor]) -> Tensor:
    """Bound the change of an attacked pixel while the shift stays in its cell, (n, C, H, W)."""

    def steepest(*edges: tuple[int, int]) -> Tensor:
        apart = [torch.maximum(highs[a] - lows[b], highs[b] - lows[a]) for a, b in edges]
        return torch.maximum(*apart)

    # Along each axis the slope lies between the slopes at the grid cell's two edges.
    half_x, half_y = (half[:, None, None, None] for half in mix.half.unbind(dim=1))
    return half_x * steepest((0, 1), (2, 3)) + half_y * steepest((0, 2), (1, 3))

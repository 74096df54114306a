"""Boxes that hold every original of an attacked image: linear equations, solved pixel by pixel.

Every attacked pixel p gives one equation |x'_p - sum_i w_i x_i| <= s_p for every original x and
every parameter of a cell, where w are the weights of the interpolation at the middle of the cell
and s_p grows with its width and with the slopes that images of the box have. Solved for one pixel
at a time, the others anywhere in their intervals, the equations shrink the box [0, 1]^d; a smaller
box has smaller slopes, hence a smaller s. Nothing is ever removed from the box that an original
could be, so an interval that ends before it begins proves that no parameter of the cell gave x'.
Source: Fischer et al. (2020), section on online certification; the equations at one parameter with
a slack are ours.
"""

from __future__ import annotations

import math
from typing import Final, Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.geometry.settings import GEOMETRY
from gsmooth.geometry.space import Space

SLACK: Final = 1e-9 + 2.0**-24
"""Outward slack on every equation: some hundred float64 operations, and 2^-24 for attacked images
that were stored as float32."""
NUMERICAL: Final = 1e-9
"""Outward slack for the float64 arithmetic of lift and norm, relative and absolute."""


class Equations(Protocol):
    """The equations of n cells, on images with ``pad`` more pixels on every side."""

    @property
    def pad(self) -> int:
        """Pixels on every side that no attack of these cells reaches beyond."""

    def take(self, kept: Tensor) -> Self:
        """Those of some of the cells, kept (n,) bool."""

    def solved(
        self, x: Tensor, low: Tensor, high: Tensor, slack: float
    ) -> tuple[Tensor, Tensor, float]:
        """The box (n, C, padded H, padded W) after every equation was solved once.

        x (C, H, W): the attacked image; the third is how far an interval shrank, at most.
        """


def contract(
    equations: Equations, x: Tensor, cells: int, rounding: float, outside: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """low, high (n, C, H, W) and possible (n,): the box of each of n = ``cells`` cells.

    x (C, H, W): the attacked image, off by ``rounding`` a pixel. outside: the largest value of what
    comes in at the edges; the least is 0.
    """
    ones, pad = torch.ones(cells, *x.shape, dtype=x.dtype, device="cpu"), equations.pad
    high = F.pad(ones, (pad,) * 4, value=outside)
    low = torch.zeros_like(high)
    found_low, found_high = low.clone(), high.clone()
    alive = torch.arange(cells, dtype=torch.int64, device="cpu")
    for _ in range(GEOMETRY.passes):
        low, high, gain = equations.solved(x, low, high, rounding + SLACK)
        kept = (low <= high).flatten(1).all(dim=1)
        if not bool(kept.all()):
            alive, low, high = alive[kept], low[kept], high[kept]
            equations = equations.take(kept)
        if not len(alive) or gain <= GEOMETRY.least_gain:
            break
    found_low[alive], found_high[alive] = low, high
    possible = torch.zeros(cells, dtype=torch.bool, device="cpu")
    possible[alive] = True
    inner = (..., slice(pad, -pad), slice(pad, -pad))
    return found_low[inner], found_high[inner], possible


def ball(space: Space, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The middle of boxes (n, C, H, W), lifted (n, K), and how far L of a box is from it (n,)."""
    half = ((high - low) / 2).clamp_min(0.0)
    slack = NUMERICAL * (1.0 + math.sqrt(half[0].numel()))
    return space.lift((low + high) / 2), space.longest(half) * (1.0 + NUMERICAL) + slack

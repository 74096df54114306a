"""Boxes that contain every original of an attacked image, from one inequality for each pixel.

Let x' be the attacked image. Every attacked pixel p gives an inequality |x'_p - sum_i w_i x_i| <=
s_p for every original x and every parameter of a cell. Here w are the weights of the interpolation
at the middle of the cell, and s_p grows with the width of the cell and with the slopes of images in
the box. Each inequality is solved for one pixel at a time, with the others anywhere in their
intervals, which shrinks the box [0, 1]^d; a smaller box has smaller slopes, hence a smaller s. No
possible original is ever removed. So an empty interval proves that no parameter of the cell gives
x'. Source: Fischer et al. (2020), section on online certification; inequalities at one parameter
with a slack are not in that paper.
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
"""Outward slack of every equation: 1e-9 for some hundred float64 operations, and 2^-24 for attacked
images that were stored as float32."""
NUMERICAL: Final = 1e-9
"""Outward slack for the float64 arithmetic of lift and norm, relative and absolute."""


class Equations(Protocol):
    """The equations of n cells, on images padded by ``pad`` pixels on every side."""

    @property
    def pad(self) -> int:
        """Width of the border, px; no attack of these cells reads pixels beyond it."""

    def take(self, kept: Tensor) -> Self:
        """Return the equations of the cells with True in kept (n,)."""

    def solved(
        self, x: Tensor, low: Tensor, high: Tensor, slack: float
    ) -> tuple[Tensor, Tensor, float]:
        """Solve every equation once.

        Args:
            x: Attacked image (C, H, W).
            low: Lower ends of the box (n, C, padded H, padded W).
            high: Upper ends of the box.
            slack: Outward slack of every equation.

        Returns:
            The new lower ends, the new upper ends, and the largest decrease of an interval.
        """


def contract(
    equations: Equations, x: Tensor, cells: int, rounding: float, outside: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Shrink the box of each cell by its equations.

    Args:
        equations: Equations of n cells.
        x: Attacked image (C, H, W).
        cells: The number n of cells.
        rounding: Largest rounding error of a pixel of x.
        outside: Largest value of pixels outside the image; the least value is 0.

    Returns:
        Lower and upper ends (n, C, H, W) of the boxes, and a mask (n,): False if no original
        exists.
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
    """Enclose lifted boxes in balls.

    Args:
        space: The z-space with the lift L.
        low: Lower ends of the boxes (n, C, H, W).
        high: Upper ends.

    Returns:
        Centres (n, K), the lifted middles of the boxes, and radii (n,), rounded up.
    """
    half = ((high - low) / 2).clamp_min(0.0)
    slack = NUMERICAL * (1.0 + math.sqrt(half[0].numel()))
    return space.lift((low + high) / 2), space.longest(half) * (1.0 + NUMERICAL) + slack

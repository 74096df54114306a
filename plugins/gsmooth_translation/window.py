"""The z-space of pixels that move by whole steps on a torus, read through a window (T8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.geometry.space import Size, Space


@final
@dataclass(frozen=True)
class WindowSpace(Space):
    """Pixels of a canvas whose opposite edges are joined; Q reads a square in its middle.

    T moves pixels and changes none, so it has no float error. It is there for whole numbers of
    pixels only.

    image_px: height and width of the image.
    pad_px: zeros that the canvas has on every side of the image.
    window_px: side of the window.
    """

    image_px: tuple[int, int]
    pad_px: int
    window_px: int

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        height, width = self.image_px
        return height + 2 * self.pad_px, width + 2 * self.pad_px

    def window(self, shape: Size) -> Size:
        """Shape of what Q gives for images (C, H, W)."""
        return shape[0], self.window_px, self.window_px

    def norm(self, shape: Size) -> float:
        """||L|| = 1: pixels are copied, and zeros added."""
        return 1.0

    def lift(self, x: Tensor) -> Tensor:
        """The canvas, (N, C, H, W) -> (N, K)."""
        return F.pad(x, (self.pad_px,) * 4).flatten(1)

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """The window, (N, K) -> (N, C, window_px, window_px)."""
        top, left = self._starts
        grid = self._grid(z)
        return grid[:, :, top : top + self.window_px, left : left + self.window_px].contiguous()

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """Every row's canvas, moved right by dx and down by dy; ValueError for parts of pixels."""
        for name, value in zip(("dx", "dy"), theta, strict=True):
            if bool((value != value.round()).any()):
                raise ValueError(
                    f"{name}: the pixels of a window move by whole steps; got"
                    f" {float(value[value != value.round()][0].detach()):g} px; give the parameters"
                    " grid-uniform noise"
                )
        columns, rows = (
            (
                torch.arange(side, dtype=torch.int64, device=z.device)[None]
                - value.reshape(-1, 1).long()
            )
            % side
            for side, value in zip(reversed(self.canvas), theta, strict=True)
        )
        grid = self._grid(z)
        count = max(len(grid), len(rows), len(columns))
        grid = grid.expand(count, -1, -1, -1).movedim(1, 3)
        row = torch.arange(count, dtype=torch.int64, device=z.device)[:, None, None]
        return grid[row, rows[:, :, None], columns[:, None, :]].movedim(3, 1).flatten(1)

    def longest(self, half: Tensor) -> Tensor:
        """||L half||, which bounds ||L v||, since L copies pixels."""
        length: Tensor = half.flatten(1).norm(dim=1)
        return length

    def fixed_part(self, z: Tensor) -> Tensor:
        """The mean of every channel, at every pixel of the canvas."""
        grid = self._grid(z)
        return grid.mean(dim=(2, 3), keepdim=True).expand_as(grid).flatten(1)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0 for cells that are points, inf for others: there are no attacks between whole steps."""
        return lower.new_zeros(lower.shape).masked_fill(upper > lower, math.inf)

    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        """What the common votes of two points can read of a difference (n, K), in z (n, K) (T8).

        Votes of a centre at theta_j that are common to it and to an attack gamma away have steps s
        in S and S + gamma, so they read the pixels W - theta_j - s of the clean image's frame.
        """
        if bool((centre != centre.round()).any() or (shift != shift.round()).any()):
            return apart
        kept = []
        starts = reversed(self._starts)
        for axis, (side, start) in enumerate(zip(reversed(self.canvas), starts, strict=True)):
            far = min(reach[axis], 2.0 * side)
            low = (shift[:, axis] - far).clamp_min(-far) + centre[:, axis]
            high = (shift[:, axis] + far).clamp_max(far) + centre[:, axis]
            first = start - high
            count = (high - low + self.window_px).clamp_min(0.0)
            place = torch.arange(side, dtype=first.dtype, device=first.device)[None]
            kept.append(((place - first[:, None]) % side) < count[:, None])
        columns, rows = kept
        mask = (rows[:, :, None] & columns[:, None, :])[:, None]
        return (self._grid(apart) * mask).flatten(1)

    @property
    def _starts(self) -> tuple[int, int]:
        """First row and first column of the window on the canvas."""
        height, width = self.canvas
        return (height - self.window_px) // 2, (width - self.window_px) // 2

    def _grid(self, z: Tensor) -> Tensor:
        """z as (N, C, canvas height, canvas width)."""
        return z.reshape(len(z), -1, *self.canvas)

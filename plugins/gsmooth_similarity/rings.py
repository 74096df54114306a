"""Gaussian-blurred samples of an image on rings around its centre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]

REACH: Final = 3.5
"""Gaussian low-pass kernels are cut off at this many standard deviations, and sum to 1."""


@final
@dataclass(frozen=True, eq=False)
class Rings:
    """S of one channel: ``angles`` samples on every ring, the first to the right, anticlockwise.

    radii (rings,) in pixels; the low-pass at radius r has std hypot(low_pass_px, low_pass_share r).
    """

    height: int
    width: int
    low_pass_px: float
    low_pass_share: float
    radii: Floats
    angles: int

    @cached_property
    def matrix(self) -> csr_array:
        """S as a sparse (samples, H * W) matrix, entries >= 0."""
        parts = [self._ring(radius) for radius in self.radii]
        value, pixel = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        ends = np.concatenate([[0], np.cumsum(np.concatenate([part[2] for part in parts]))])
        return csr_array((value, pixel, ends), shape=(len(ends) - 1, self.height * self.width))

    def _ring(self, radius: float) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Entries of one ring's rows of S: values, pixels, and how many a row."""
        phi = 2.0 * np.pi * np.arange(self.angles) / self.angles
        # Rows of the image grow downwards; phi grows anticlockwise as seen on the screen.
        row = (self.height - 1) / 2 - radius * np.sin(phi)[:, None]
        col = (self.width - 1) / 2 + radius * np.cos(phi)[:, None]
        spread = math.hypot(self.low_pass_px, self.low_pass_share * radius)
        half = math.ceil(REACH * spread)
        window = np.arange(-half, half + 2)
        rows, cols = (
            np.floor(row).astype(np.int64) + window,
            np.floor(col).astype(np.int64) + window,
        )
        down, across = (_kernel(at - mid, spread) for at, mid in ((rows, row), (cols, col)))
        value = down[:, :, None] * across[:, None, :]
        inside = ((rows >= 0) & (rows < self.height))[:, :, None]
        inside = inside & ((cols >= 0) & (cols < self.width))[:, None, :] & (value > 0.0)
        pixel = rows[:, :, None] * self.width + cols[:, None, :]
        return value[inside], pixel[inside], inside.sum(axis=(1, 2))


def _kernel(offset: Floats, spread: float) -> Floats:
    """Gaussian weights that sum to 1 along the last axis; those beyond REACH are 0."""
    # Subtracting the least square keeps very narrow kernels from vanishing altogether.
    square = (offset / spread) ** 2
    value = np.exp(-0.5 * (square - square.min(axis=1, keepdims=True)))
    value = np.where(square <= np.maximum(REACH**2, square.min(axis=1, keepdims=True)), value, 0.0)
    return np.asarray(value / value.sum(axis=1, keepdims=True))

"""Rings of sample points around the image centre, and low-passes that read images there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Entries = tuple[Floats, NDArray[np.int64], NDArray[np.int64]]


LowPass = Callable[[Floats, Floats, float], Floats]
"""Weights >= 0 (samples, window, window) of the pixels around the sample points of one ring: given
their rows and columns minus those of the point (samples, window) each, and the radius, in pixels.
"""


@final
@dataclass(frozen=True, eq=False)
class Rings:
    """Sample points at equal angles on rings, the first to the right, anticlockwise.

    radii (rings,) in pixels; angles (rings,): samples a ring.
    """

    height: int
    width: int
    radii: Floats
    angles: NDArray[np.int64]

    def sampling(self, low_pass: LowPass, reach_px: Floats) -> csr_array:
        """S: a sparse (samples, H * W) matrix, float64, entries > 0.

        reach_px (rings,): pixels from so far below a sample point to a pixel more above it count.
        """
        rings = zip(self.radii, self.angles, np.ceil(reach_px).astype(np.int64), strict=True)
        parts = [self._ring(*ring, low_pass) for ring in rings]
        value, pixel, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
        ends = np.concatenate([[0], np.cumsum(counts)])
        return csr_array((value, pixel, ends), shape=(len(counts), self.height * self.width))

    def _ring(self, radius: float, angles: int, half: int, low_pass: LowPass) -> Entries:
        """Entries of one ring's rows of S: values, pixels, and how many a row."""
        phi = 2.0 * np.pi * np.arange(angles) / angles
        # Rows of the image grow downwards; phi grows anticlockwise as seen on the screen.
        row = (self.height - 1) / 2 - radius * np.sin(phi)[:, None]
        col = (self.width - 1) / 2 + radius * np.cos(phi)[:, None]
        window = np.arange(-half, half + 2)
        rows, cols = (np.floor(at).astype(np.int64) + window for at in (row, col))
        value = low_pass(rows - row, cols - col, radius)
        inside = ((rows >= 0) & (rows < self.height))[:, :, None]
        inside = inside & ((cols >= 0) & (cols < self.width))[:, None, :] & (value > 0.0)
        pixel = rows[:, :, None] * self.width + cols[:, None, :]
        return value[inside], pixel[inside], inside.sum(axis=(1, 2))

"""Rings of sample points around the image centre, and low-pass sampling there."""

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
"""A low-pass for the sample points of one ring, in pixels: rows and columns of pixels minus those
of the point, (samples, window) each, and the radius -> weights >= 0 (samples, window, window).
"""


@final
@dataclass(frozen=True, eq=False)
class Rings:
    """Sample points at equal angles on rings, anticlockwise; the first is to the right.

    Args:
        height: Height of the image, px.
        width: Width of the image, px.
        radii: Radii in pixels, (rings,).
        angles: Number of samples on each ring, (rings,).
    """

    height: int
    width: int
    radii: Floats
    angles: NDArray[np.int64]

    def sampling(self, low_pass: LowPass, reach_px: Floats) -> csr_array:
        """Build the sampling matrix S (samples, H * W), sparse, float64, with entries > 0.

        Args:
            low_pass: Weights of the pixels around a sample point.
            reach_px: By ring, how far the window of pixels extends from a sample point, px,
                (rings,); one pixel more is included on the far side.
        """
        rings = zip(self.radii, self.angles, np.ceil(reach_px).astype(np.int64), strict=True)
        parts = [self._ring(*ring, low_pass) for ring in rings]
        value, pixel, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
        ends = np.concatenate([[0], np.cumsum(counts)])
        if max(len(value), self.height * self.width) < 2**31:  # Half the memory.
            pixel, ends = pixel.astype(np.int32), ends.astype(np.int32)
        return csr_array((value, pixel, ends), shape=(len(counts), self.height * self.width))

    def _ring(self, radius: float, angles: int, half: int, low_pass: LowPass) -> Entries:
        """Return the entries of one ring's rows of S: values, pixels, and the number by row."""
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

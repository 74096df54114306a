"""Rings of sample points around the image centre, and the low-pass that reads images there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

# Gaussian low-pass kernels are cut off at this many standard deviations. L is whatever linear map
# results; the cut costs accuracy of the covariance (exp(-8)), never soundness.
REACH = 4.0


def ring_radii(radius_px: float, ring_step_px: float) -> NDArray[np.float64]:
    """Radii (k + 1/2) ring_step of the rings inside the disc, in pixels."""
    inner = np.arange(max(1, int(radius_px / ring_step_px)), dtype=np.float64)
    return (inner + 0.5) * ring_step_px


def kept_orders(
    radius_px: float, ring_step_px: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ring and angular order of every kept pair, 1 <= m <= pi r_k; both (pairs,)."""
    radii = ring_radii(radius_px, ring_step_px)
    pairs = [(k, m) for k, r in enumerate(radii) for m in range(1, int(math.pi * r) + 1)]
    ring, order = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return ring, order


@final
@dataclass(frozen=True, eq=False)
class RingSampling:
    """W S of one channel: Gaussian-blurred samples at equal angles on rings, times sqrt(r dr dphi).

    radii (rings,) in pixels; angles (rings,): samples a ring, the first one to the right of the
    centre, anticlockwise. cut_px: a kernel keeps the pixels within this distance, and is scaled to
    sum to 1; None keeps a square of REACH standard deviations as it is.
    """

    height: int
    width: int
    low_pass_px: float
    ring_step_px: float
    radii: NDArray[np.float64]
    angles: NDArray[np.int64]
    cut_px: float | None = None

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """W: sqrt(r dr dphi) of every sample, (samples,)."""
        cell = self.ring_step_px * 2.0 * math.pi / self.angles
        return np.asarray(np.sqrt(self._spread(self.radii) * self._spread(cell)))

    @cached_property
    def matrix(self) -> csr_array:
        """W S as a sparse (samples, H * W) matrix, float64, entries >= 0."""
        row, col = self._points()
        half = math.ceil(REACH * self.low_pass_px if self.cut_px is None else self.cut_px)
        offsets = np.arange(-half, half + 2)
        rows = (np.floor(row)[:, None, None] + offsets[:, None]).astype(np.int64)
        cols = (np.floor(col)[:, None, None] + offsets[None, :]).astype(np.int64)
        rows, cols = np.broadcast_arrays(rows, cols)
        squared = (rows - row[:, None, None]) ** 2 + (cols - col[:, None, None]) ** 2
        value = self._kernel(squared)
        inside = (rows >= 0) & (rows < self.height) & (cols >= 0) & (cols < self.width)
        if self.cut_px is not None:
            inside &= value > 0.0
        entry = np.broadcast_to(np.arange(len(row))[:, None, None], rows.shape)
        data = (value * self.weight[:, None, None])[inside]
        place = (entry[inside], (rows * self.width + cols)[inside])
        return csr_array((data, place), shape=(len(row), self.height * self.width))

    def _kernel(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussian at squared distances (samples, window, window)."""
        spread = self.low_pass_px**2
        value = np.exp(-squared / (2.0 * spread)) / (2.0 * math.pi * spread)
        if self.cut_px is not None:
            value = np.where(squared <= self.cut_px**2, value, 0.0)
            # Kernels far narrower than a pixel may hold nothing at all.
            value /= np.maximum(value.sum(axis=(1, 2), keepdims=True), 1e-300)
        return np.asarray(value)

    def _points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns of the sample points, counted from the first pixel, (samples,) each."""
        phi = np.concatenate([2.0 * np.pi * np.arange(count) / count for count in self.angles])
        radius = self._spread(self.radii)
        # Rows of the image grow downwards; phi grows anticlockwise as seen on the screen.
        row = (self.height - 1) / 2 - radius * np.sin(phi)
        return row, (self.width - 1) / 2 + radius * np.cos(phi)

    def _spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(values, self.angles)

"""Linear maps of images that work on one axis at a time: Fourier and cosine transforms.

Two small matrix products an image are faster than an FFT up to some hundred pixels, and need
neither index tables nor a dense (K, H W) matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, final

import torch
from torch import Tensor


class AxisMap(NamedTuple):
    """The map along one axis: matrix (k, size), and frequencies in radians a pixel, float64."""

    matrix: Tensor
    omega: Tensor


@final
@dataclass(frozen=True, eq=False)
class Separable:
    """z = Y x X^T for every channel of x (N, C, H, W), with Y of the rows and X of the columns.

    z is laid out as (C, rows, columns), row-major. Constants are kept for every dtype and device,
    so objects are to be built once for each size.
    """

    rows: AxisMap
    cols: AxisMap

    def analyse(self, x: Tensor) -> Tensor:
        """(..., H, W) -> (..., rows, columns), dtype and device kept."""
        down, along = _constants(self, x.dtype, x.device)
        return torch.matmul(down.matrix, x @ along.matrix.T)

    def synthesise(self, grid: Tensor) -> Tensor:
        """The adjoint: (..., rows, columns) -> (..., H, W)."""
        down, along = _constants(self, grid.dtype, grid.device)
        return torch.matmul(down.matrix.T, grid @ along.matrix)

    def frequencies(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """omega of the rows and of the columns, in the dtype and on the device of ``like``."""
        down, along = _constants(self, like.dtype, like.device)
        return down.omega, along.omega

    def grid(self, z: Tensor) -> Tensor:
        """z (N, C * rows * columns) as (N, C, rows, columns)."""
        return z.reshape(len(z), -1, len(self.rows.matrix), len(self.cols.matrix))

    def constants(self, z: Tensor) -> Tensor:
        """The first coefficient of every channel's rows and columns alone, (N, K) -> (N, K)."""
        kept = torch.zeros_like(self.grid(z))
        kept[..., 0, 0] = self.grid(z)[..., 0, 0]
        return kept.flatten(1)


@lru_cache(maxsize=64)
def _constants(of: Separable, dtype: torch.dtype, device: torch.device) -> tuple[AxisMap, AxisMap]:
    def moved(axis: AxisMap) -> AxisMap:
        return AxisMap(*(part.to(device=device, dtype=dtype) for part in axis))

    return moved(of.rows), moved(of.cols)

"""Cosine coefficients of an image: the space in which every mirrored blur is a multiplication."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class Cosines:
    """The orthonormal DCT-II of images (N, C, height, width), one axis at a time.

    Its rows are the even functions on an image that is continued by its mirror image (d c b a | a b
    c d | d c b a) and repeated: a symmetric kernel with weights g_k multiplies the coefficient of
    frequency omega by sum_k g_k cos(k omega), without anything lost at the edges.
    """

    height: int
    width: int

    def lift(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C H W); an orthogonal map, so noise on z is noise on the pixels."""
        down, along = self._matrices(x)
        return torch.matmul(down, x @ along.T).flatten(1)

    def readout(self, z: Tensor) -> Tensor:
        """The inverse, which is the adjoint: (N, C H W) -> (N, C, H, W)."""
        down, along = self._matrices(z)
        return torch.matmul(down.T, self.grid(z) @ along)

    def grid(self, z: Tensor) -> Tensor:
        """z (N, C H W) as (N, C, H, W), by frequency."""
        return z.reshape(len(z), -1, self.height, self.width)

    def frequencies(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """omega of the rows (H,) and columns (W,), radians a pixel, in [0, pi)."""
        constants = _constants(self.height, like.dtype, like.device)
        return constants[1], _constants(self.width, like.dtype, like.device)[1]

    @property
    def steepest(self) -> float:
        """The largest (omega_y^2 + omega_x^2) / 2, rounded up: how fast blur damps anything."""
        tops = (math.pi * (size - 1) / size for size in (self.height, self.width))
        return sum(top**2 for top in tops) / 2.0 * (1.0 + 1e-9)

    def _matrices(self, like: Tensor) -> tuple[Tensor, Tensor]:
        constants = _constants(self.height, like.dtype, like.device)
        return constants[0], _constants(self.width, like.dtype, like.device)[0]


@lru_cache(maxsize=32)
def _constants(size: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrix (size, size) of one axis, and its frequencies (size,)."""
    omega = torch.arange(size, dtype=torch.float64, device="cpu") * (math.pi / size)
    place = torch.arange(size, dtype=torch.float64, device="cpu") + 0.5
    rows = torch.cos(omega[:, None] * place) * math.sqrt(2.0 / size)
    rows[0] = math.sqrt(1.0 / size)
    return rows.to(device=device, dtype=dtype), omega.to(device=device, dtype=dtype)

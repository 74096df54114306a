"""An image whose edges are joined, and its Fourier coefficients: what both plugins act on.

Every axis has a real, orthonormal basis: the constant, cosines and sines of 1 .. (n - 1) // 2 waves
around the axis, and for even n the alternating vector (Nyquist). A shift turns each pair of cosine
and sine, and a symmetric kernel multiplies both alike. The alternating vector has no partner: a
shift by d multiplies it by cos(pi d), which is no group. So it belongs to the image and not to z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, final

import torch
from torch import Tensor

Z_SPACE: Final = "cyclic-fourier"
"""The coefficients of an unpadded image, channel by channel, alternating ones left out."""


@final
@dataclass(frozen=True)
class Axis:
    """One axis of ``size`` pixels, closed to a circle."""

    size: int

    @property
    def order(self) -> int:
        """Pairs of a cosine and a sine."""
        return (self.size - 1) // 2

    @property
    def kept(self) -> int:
        """Coefficients that z keeps: all of them, or for even sizes all but the last."""
        return 2 * self.order + 1

    @property
    def steepest(self) -> float:
        """The highest frequency that z keeps, radians a pixel."""
        return 2.0 * math.pi * self.order / self.size

    @cached_property
    def basis(self) -> Tensor:
        """(size, size), float64; rows: constant, cosines, sines, and for even sizes Nyquist."""
        place = torch.arange(self.size, dtype=torch.int64, device="cpu")
        # The phase is reduced as a whole number of pixels: nothing is lost in large products.
        around = (
            torch.arange(1, self.order + 1, dtype=torch.int64, device="cpu")[:, None] * place
        ) % self.size
        phase = around.double() * (2.0 * math.pi / self.size)
        pairs = torch.cat([torch.cos(phase), torch.sin(phase)]) * math.sqrt(2.0 / self.size)
        last = (1.0 - 2.0 * (place % 2).double())[None].repeat(self.size - self.kept, 1)
        identity_action = torch.ones(1, self.size, dtype=torch.float64, device="cpu")
        return torch.cat(
            [identity_action / math.sqrt(self.size), pairs, last / math.sqrt(self.size)]
        )

    @cached_property
    def omega(self) -> Tensor:
        """Frequency of every row of the basis (size,), radians a pixel."""
        waves = torch.arange(1, self.order + 1, dtype=torch.float64, device="cpu")
        last = torch.full(
            (self.size - self.kept,), self.size / 2.0, dtype=torch.float64, device="cpu"
        )
        return torch.cat(
            [torch.zeros(1, dtype=torch.float64, device="cpu"), waves, waves, last]
        ) * (2.0 * math.pi / self.size)


@final
@dataclass(frozen=True)
class Torus:
    """Images (N, C, height, width) with opposite edges joined, z (N, C * K) their coefficients."""

    height: int
    width: int

    @property
    def rows(self) -> Axis:
        """The axis downwards."""
        return _axis(self.height)

    @property
    def columns(self) -> Axis:
        """The axis to the right."""
        return _axis(self.width)

    def lift(self, x: Tensor) -> Tensor:
        """L: rows of an orthogonal matrix, so L L^T = id; one to one where both sizes are odd."""
        spectrum = self.spectrum(x)
        return spectrum[..., : self.rows.kept, : self.columns.kept].flatten(1)

    def readout(self, z: Tensor) -> Tensor:
        """Q = L^T: the image without alternating parts, (N, C * K) -> (N, C, H, W)."""
        (down, _), (along, _) = _constants(self, z.dtype, z.device)
        return torch.matmul(down[: self.rows.kept].T, self.grid(z) @ along[: self.columns.kept])

    def grid(self, z: Tensor) -> Tensor:
        """z as (N, C, rows.kept, columns.kept)."""
        return z.reshape(len(z), -1, self.rows.kept, self.columns.kept)

    def spectrum(self, x: Tensor) -> Tensor:
        """All coefficients of x, (N, C, H, W): an orthogonal map."""
        (down, _), (along, _) = _constants(self, x.dtype, x.device)
        return torch.matmul(down, x @ along.T)

    def image(self, spectrum: Tensor) -> Tensor:
        """The image with this spectrum."""
        (down, _), (along, _) = _constants(self, spectrum.dtype, spectrum.device)
        return torch.matmul(down.T, spectrum @ along)

    def omega(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Frequencies of the coefficients in ``like`` (..., rows, columns), by axis."""
        (_, down), (_, along) = _constants(self, like.dtype, like.device)
        return down[: like.shape[-2]], along[: like.shape[-1]]

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant part of every channel, which neither shift nor blur changes."""
        kept = torch.zeros_like(self.grid(z))
        kept[..., 0, 0] = self.grid(z)[..., 0, 0]
        return kept.flatten(1)


@lru_cache(maxsize=32)
def _axis(size: int) -> Axis:
    return Axis(size)


@lru_cache(maxsize=32)
def _constants(
    torus: Torus, dtype: torch.dtype, device: torch.device
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(basis, omega) of the rows and of the columns."""

    def moved(axis: Axis) -> tuple[Tensor, Tensor]:
        return axis.basis.to(device, dtype), axis.omega.to(device, dtype)

    return moved(torus.rows), moved(torus.columns)


def bound(image_px: tuple[int, int] | None, name: str) -> Torus:
    """The torus for an image size; ValueError where it is not known."""
    if image_px is None:
        raise ValueError(
            f"{name}: the image size is not known yet; call for_shape((channels, height, width))"
        )
    return Torus(*image_px)

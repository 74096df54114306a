"""An image whose edges are joined, and its Fourier coefficients: what both plugins act on.

Every axis has a real, orthonormal basis: the constant, cosines and sines of 1 .. (n - 1) // 2 waves
around the axis, and for even n the alternating vector (Nyquist). A shift turns each pair of cosine
and sine, and a symmetric kernel multiplies both alike. The alternating vector has no partner: a
shift by d multiplies it by cos(pi d), which is no group. So it belongs to the image and not to z.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import torch

from gsmooth.geometry.separable import AxisMap, Separable

Z_SPACE: Final = "cyclic-fourier"
"""The coefficients of an unpadded image, channel by channel, alternating ones left out."""


def order(size: int) -> int:
    """Pairs of a cosine and a sine along an axis of ``size`` pixels."""
    return (size - 1) // 2


def steepest(size: int) -> float:
    """The highest frequency that z keeps, radians a pixel."""
    return 2.0 * math.pi * order(size) / size


@lru_cache(maxsize=32)
def spectrum(height: int, width: int) -> Separable:
    """All coefficients of images (N, C, height, width): an orthogonal map."""
    return Separable(_axis(height), _axis(width))


@lru_cache(maxsize=32)
def kept(height: int, width: int) -> Separable:
    """Those that z keeps: rows of an orthogonal matrix, all of them where both sizes are odd."""
    rows, cols = (
        AxisMap(*(part[: 2 * order(size) + 1] for part in _axis(size))) for size in (height, width)
    )
    return Separable(rows, cols)


@lru_cache(maxsize=32)
def _axis(size: int) -> AxisMap:
    """Basis (size, size); rows: constant, cosines, sines, and for even sizes Nyquist."""
    place = torch.arange(size, dtype=torch.int64, device="cpu")
    waves = torch.arange(1, order(size) + 1, dtype=torch.int64, device="cpu")
    # The phase is reduced as a whole number of pixels: nothing is lost in large products.
    phase = ((waves[:, None] * place) % size).double() * (2.0 * math.pi / size)
    pairs = torch.cat([torch.cos(phase), torch.sin(phase)]) * math.sqrt(2.0 / size)
    alternating = size - 2 * order(size) - 1
    last = (1.0 - 2.0 * (place % 2).double())[None].repeat(alternating, 1)
    identity_action = torch.ones(1, size, dtype=torch.float64, device="cpu")
    rows = torch.cat([identity_action / math.sqrt(size), pairs, last / math.sqrt(size)])
    nyquist = torch.full((alternating,), size / 2.0, dtype=torch.float64, device="cpu")
    turns = torch.cat([waves.new_zeros(1).double(), waves.double(), waves.double(), nyquist])
    return AxisMap(rows, turns * (2.0 * math.pi / size))

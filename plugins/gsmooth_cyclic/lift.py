"""Fourier coefficients of an image whose opposite edges are joined, the z-space of both plugins.

Every axis has a real, orthonormal basis: the constant, cosines and sines of 1 .. (n - 1) // 2 waves
around the axis, and for even n the alternating vector (Nyquist). A shift turns each pair of cosine
and sine, and a symmetric kernel multiplies both by the same number. The alternating vector has no
partner: a shift by d multiplies it by cos(pi d), which is not additive in d. So it is no part of z.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import torch

from gsmooth.geometry.separable import AxisMap, Separable

Z_SPACE: Final = "cyclic-fourier"
"""Name of the z-space: coefficients of an unpadded image, without the alternating ones."""


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
    """The coefficients in z: rows of an orthogonal matrix; all of them if both sizes are odd."""
    rows, cols = (
        AxisMap(*(part[: 2 * order(size) + 1] for part in _axis(size))) for size in (height, width)
    )
    return Separable(rows, cols)


@lru_cache(maxsize=32)
def _axis(size: int) -> AxisMap:
    """Basis (size, size); rows: constant, cosines, sines, and for even sizes Nyquist."""
    place = torch.arange(size, dtype=torch.int64, device="cpu")
    waves = torch.arange(1, order(size) + 1, dtype=torch.int64, device="cpu")
    # Phases are reduced modulo the size as integers, so that large products lose no digits.
    phase = ((waves[:, None] * place) % size).double() * (2.0 * math.pi / size)
    pairs = torch.cat([torch.cos(phase), torch.sin(phase)]) * math.sqrt(2.0 / size)
    alternating = size - 2 * order(size) - 1
    last = (1.0 - 2.0 * (place % 2).double())[None].repeat(alternating, 1)
    identity_action = torch.ones(1, size, dtype=torch.float64, device="cpu")
    rows = torch.cat([identity_action / math.sqrt(size), pairs, last / math.sqrt(size)])
    nyquist = torch.full((alternating,), size / 2.0, dtype=torch.float64, device="cpu")
    turns = torch.cat([waves.new_zeros(1).double(), waves.double(), waves.double(), nyquist])
    return AxisMap(rows, turns * (2.0 * math.pi / size))

"""Cosine transform of an image; there every blur with mirrored edges is a multiplication."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from gsmooth.geometry.separable import AxisMap, Separable


@lru_cache(maxsize=32)
def cosines(height: int, width: int) -> Separable:
    """The orthonormal DCT-II of images (N, C, height, width), frequencies in [0, pi).

    Its rows are the even functions on an image that is continued by its mirror image (d c b a | a b
    c d | d c b a) and repeated. So a symmetric kernel with weights g_k multiplies the coefficient
    of frequency omega by sum_k g_k cos(k omega), exactly, also at the edges.
    """
    return Separable(_axis(height), _axis(width))


def steepest(height: int, width: int) -> float:
    """The largest (omega_y^2 + omega_x^2) / 2, rounded up: the fastest decay of a coefficient."""
    tops = (math.pi * (size - 1) / size for size in (height, width))
    return sum(top**2 for top in tops) / 2.0 * (1.0 + 1e-9)


@lru_cache(maxsize=32)
def _axis(size: int) -> AxisMap:
    omega = torch.arange(size, dtype=torch.float64, device="cpu") * (math.pi / size)
    place = torch.arange(size, dtype=torch.float64, device="cpu") + 0.5
    rows = torch.cos(omega[:, None] * place) * math.sqrt(2.0 / size)
    rows[0] = math.sqrt(1.0 / size)
    return AxisMap(rows, omega)

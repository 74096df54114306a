"""Intervals of the derivative of a rotated image, cell by cell, for the tests of rotation."""

from __future__ import annotations

import torch
from torch import Tensor

from gsmooth_rotation.bounds import derivative_chunks


def rotation_derivative(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor]:
    """Both ends (n, C, P) of d psi_p / d theta on cells [lower, upper] (n,) in radians."""
    found = [(low, high) for _, low, high in derivative_chunks(x, pixels, lower, upper)]
    low, high = (torch.cat(part, dim=1).transpose(0, 1) for part in zip(*found, strict=True))
    return low, high

"""Noise from float64 normals: any sigma, any grid, any device that has float64."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError

WITHOUT_FLOAT64: Final = frozenset({"mps"})


def device_normals(seed: int, rows: int, size: int, device: torch.device) -> Tensor:
    """Standard normals (rows, size) in float64, drawn on ``device`` and never copied to the host.

    Nothing here waits for the device. ConfigurationError where it has no float64: 24-bit noise
    betrays the input (F1). Torch draws them by Box and Muller from 53-bit uniforms.
    """
    if device.type in WITHOUT_FLOAT64:
        raise ConfigurationError(
            f"engine: device {device.type!r} has no float64, and noise with fewer bits betrays the"
            " input; keep the noise on 'cpu', or use 'cuda'"
        )
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    return torch.randn((rows, size), dtype=torch.float64, device=device, generator=generator)


def parted(mean: Tensor, grid: float) -> tuple[Tensor, Tensor]:
    """(whole, rest) of mean / grid, float64: whole numbers and what is left, in [-1/2, 1/2].

    Both are exact, whatever the mean's size: dividing by a power of two is, and the distance to the
    nearest whole number is a multiple of the last bit of what it is taken from. A zero is +0, for
    the sign of a zero is a bit that a network can read.
    """
    scaled = mean * (1.0 / grid)
    whole = scaled.round().add_(0.0)
    return whole, scaled.sub_(whole)


def around_by_normals(normals: Tensor, mean: Tensor, sigma: float, grid: float) -> Tensor:
    """round_grid(mean + sigma normals), float32 (rows, K); overwrites ``normals`` (rows, K).

    mean: (rows, K) or (1, K) float64. Only the part of the mean that lies off the grid is added in
    floating point, so that the error of the sum does not grow with the mean (F1). grid 0: the sum
    as it is.
    """
    if grid == 0.0:
        return normals.mul_(sigma).add_(mean).to(torch.float32)
    whole, rest = parted(mean, grid)
    return normals.mul_(sigma / grid).add_(rest).round_().add_(whole).mul_(grid).to(torch.float32)

"""Noise from float64 normal numbers: any sigma, any grid, any device that has float64."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError

WITHOUT_FLOAT64: Final = frozenset({"mps"})


def device_normals(seed: int, rows: int, size: int, device: torch.device) -> Tensor:
    """Standard normal numbers, drawn on a device and never copied to the host (F1).

    F1: noise with 24 bits lets a network read the low bits of the image, so the numbers are
    float64. Nothing here waits for the device. Torch draws them by Box and Muller from 53-bit
    uniforms.

    Args:
        seed: Seed of the generator on the device.
        rows: Number of rows.
        size: Numbers a row.
        device: Where they are drawn.

    Returns:
        Normal numbers (rows, size), float64.

    Raises:
        ConfigurationError: The device has no float64.
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
    """Whole and fractional part of mean / grid.

    Both are exact, whatever the size of the mean: division by a power of two is exact, and the
    distance to the nearest whole number is a multiple of the last bit of its operand. A zero is +0,
    because the sign of a zero is a bit that a network can read.

    Args:
        mean: Points (rows, K), float64.
        grid: Power of two to whose multiples values are rounded.

    Returns:
        Whole numbers, and what is left, in [-1/2, 1/2].

    Example:
        >>> [part.tolist() for part in parted(torch.tensor([0.8], dtype=torch.float64), 0.5)]
        [[2.0], [-0.3999999999999999]]
    """
    scaled = mean * (1.0 / grid)
    whole = scaled.round().add_(0.0)
    return whole, scaled.sub_(whole)


def around_by_normals(normals: Tensor, mean: Tensor, sigma: float, grid: float) -> Tensor:
    """Noisy points on the grid from normal numbers: round_grid(mean + sigma normals) (F1).

    F1: the network sees noisy points rounded to a grid. Only the part of the mean that is off the
    grid is added in floating point, so the error of the sum does not grow with the mean.

    Args:
        normals: Standard normal numbers (rows, K), float64; they are overwritten.
        mean: Points (rows, K) or (1, K), float64.
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded; 0: the sum is not rounded.

    Returns:
        Noisy points (rows, K), float32.
    """
    if grid == 0.0:
        return normals.mul_(sigma).add_(mean).to(torch.float32)
    whole, rest = parted(mean, grid)
    return normals.mul_(sigma / grid).add_(rest).round_().add_(whole).mul_(grid).to(torch.float32)

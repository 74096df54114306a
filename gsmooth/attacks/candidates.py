"""Candidates: parameters to try, and the images that an adversary makes of them."""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gsmooth.noise import Coordinate, Purpose
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier

MOST: Final = 1024
"""Grid points in all: points a parameter become fewer where the region has several."""
_SCATTER: Final = -1000


def grid(region: Region, points: int) -> Tensor:
    """``points`` values per moving parameter, ends included, and 0: (n, m) float64, n <= MOST.

    Where even two a parameter are too many: the clean image and the ends of each axis.
    """
    for fewer in range(points, 0, -1):
        axes = _axes(region, fewer)
        if math.prod(map(len, axes)) <= MOST:
            return torch.tensor(list(itertools.product(*axes)), dtype=torch.float64)
    ends = [torch.zeros(region.dimensions, dtype=torch.float64)]
    for axis, pair in enumerate(zip(region.lower, region.upper, strict=True)):
        for end in pair:
            ends.append(torch.zeros(region.dimensions, dtype=torch.float64))
            ends[-1][axis] = end
    return torch.stack(ends).unique(dim=0)  # type: ignore[no-untyped-call, no-any-return]


def scattered(region: Region, count: int, seed: int, index: int) -> Tensor:
    """``count`` points of the region, uniform and independent; none where nothing moves: (n, m)."""
    lower, upper = np.array(region.lower), np.array(region.upper)
    moving = bool((upper > lower).any())
    rng = Coordinate(seed, index, Purpose.SCREENING, _SCATTER, 0).generator()
    size = (count if moving else 0, region.dimensions)
    return torch.from_numpy(np.clip(lower + (upper - lower) * rng.random(size), lower, upper))


def inside(theta: Tensor, region: Region) -> Tensor:
    """Which rows of theta (n, m) lie in the region, (n,) bool."""
    lower, upper = (theta.new_tensor(end) for end in (region.lower, region.upper))
    return ((theta >= lower) & (theta <= upper)).all(dim=1)


def attacked_images(
    smoothed: SmoothedClassifier,
    x: Tensor,
    theta: Tensor,
    region: Region,
    added: Tensor | None = None,
) -> Tensor:
    """What the adversary hands in: psi_theta(x) + added, rounded to ``region.bits``; (n, C, H, W).

    x (1, C, H, W), theta (n, m). Rounding goes to the levels of the classifier's input range, to
    whose ends it clips what was added. Gradients pass through it unchanged.
    """
    moved: Tensor = x.expand(len(theta), -1, -1, -1)
    if theta.shape[1]:
        columns = theta.tensor_split(theta.shape[1], dim=1)
        moved = smoothed.transformation.attack(moved, *columns)
    images = moved if added is None else moved + added
    if not region.bits:
        return images
    low, high = smoothed.classifier.input_range
    # Towards psi_theta(x), also where that leaves the range: certificates speak of no other clip.
    images = images.minimum(moved.clamp(min=high)).maximum(moved.clamp(max=low))
    return rounded(images, region.bits, (low, high))


def rounded(images: Tensor, bits: int, input_range: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """``images`` at the nearest of 2^bits levels of the range, and on beyond its ends; 0: as is."""
    if not bits:
        return images
    low, high = input_range
    level = (high - low) / (2**bits - 1)
    nearest: Tensor = low + ((images.detach() - low) / level).round() * level
    if not images.requires_grad:
        return nearest
    passed: Tensor = images + (nearest - images).detach()
    return passed


def _axes(region: Region, points: int) -> list[np.typing.NDArray[np.float64]]:
    return [
        np.unique(np.append(np.linspace(high, low, points), 0.0))
        for low, high in zip(region.lower, region.upper, strict=True)
    ]

"""Candidates: parameters to try, and the attacked images that they give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gsmooth.attacks.settings import ATTACK
from gsmooth.sampling.noise import SampleKey, Seed, Stream
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region

_SCATTER: Final = -1000


def grid(region: Region, points: int, parameters: Sequence[Parameter] = ()) -> Tensor:
    """A grid of parameters: ``points`` values of each moving one, with both ends and 0.

    Args:
        region: Where the points lie.
        points: Values a parameter; fewer if all together exceed ``ATTACK.most_points``.
        parameters: The parameters of the transformation, for their steps.

    Returns:
        theta (n, m), float64. If even two values a parameter are too many: the clean image and the
        ends of each axis.
    """
    for fewer in range(points, 0, -1):
        axes = _axes(region, fewer, parameters)
        if math.prod(map(len, axes)) <= ATTACK.most_points:
            return torch.tensor(list(itertools.product(*axes)), dtype=torch.float64, device="cpu")
    ends = [torch.zeros(region.dimensions, dtype=torch.float64, device="cpu")]
    for axis, values in enumerate(_axes(region, 2, parameters)):
        for end in (values[0], values[-1]):
            ends.append(torch.zeros(region.dimensions, dtype=torch.float64, device="cpu"))
            ends[-1][axis] = float(end)
    return torch.stack(ends).unique(dim=0)  # type: ignore[no-untyped-call, no-any-return]


def scattered(
    region: Region, count: int, seed: Seed, index: int, parameters: Sequence[Parameter] = ()
) -> Tensor:
    """``count`` uniform independent points of the region, (n, m); none if no parameter moves.

    parameters: those of the transformation, for their steps.
    """
    lower, upper = np.array(region.lower), np.array(region.upper)
    moving = bool((upper > lower).any())
    rng = SampleKey(seed, index, Stream.SCREENING, _SCATTER, 0).generator()
    size = (count if moving else 0, region.dimensions)
    part = rng.random(size)
    theta = torch.from_numpy(np.clip(lower + (upper - lower) * part, lower, upper))
    for axis, parameter in enumerate(parameters):
        if parameter.step:
            share = torch.from_numpy(part[:, axis].copy())
            theta[:, axis] = parameter.between(region.lower[axis], region.upper[axis], share)
    return theta


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
    """The attacked images psi_theta(x) + added, rounded to ``region.bits``: (n, C, H, W).

    Rounding is to levels of the classifier's input range; ``added`` is clipped to that range first.
    Gradients pass through the rounding unchanged.

    Args:
        smoothed: The smoothed classifier.
        x: The image (1, C, H, W).
        theta: Parameters of the attacks (n, m).
        region: The region, for its ``bits``.
        added: The additive part (n, C, H, W) or (1, C, H, W); by default none.
    """
    moved: Tensor = x.expand(len(theta), -1, -1, -1)
    if theta.shape[1]:
        columns = theta.tensor_split(theta.shape[1], dim=1)
        moved = smoothed.transformation.attack(moved, *columns)
    images = moved if added is None else moved + added
    if not region.bits:
        return images
    low, high = smoothed.classifier.input_range
    # Clipped towards psi_theta(x), also if that leaves the range: no other clip is certified.
    images = images.minimum(moved.clamp(min=high)).maximum(moved.clamp(max=low))
    return rounded(images, region.bits, (low, high))


def rounded(images: Tensor, bits: int, input_range: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """``images`` at the nearest of 2^bits levels, continued beyond the range; 0: unchanged."""
    if not bits:
        return images
    low, high = input_range
    level = (high - low) / (2**bits - 1)
    nearest: Tensor = low + ((images.detach() - low) / level).round() * level
    if not images.requires_grad:
        return nearest
    passed: Tensor = images + (nearest - images).detach()
    return passed


def _axes(
    region: Region, points: int, parameters: Sequence[Parameter]
) -> list[np.typing.NDArray[np.float64]]:
    axes = []
    for axis, (low, high) in enumerate(zip(region.lower, region.upper, strict=True)):
        values = np.linspace(high, low, points)
        if axis < len(parameters) and parameters[axis].step:
            part = torch.from_numpy(np.linspace(1.0, 0.0, points))
            values = parameters[axis].between(low, high, part).numpy()
        axes.append(np.unique(np.append(values, 0.0)))
    return axes

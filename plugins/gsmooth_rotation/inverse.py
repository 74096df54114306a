"""Balls of z-space around every original that a rotated image can have."""

from __future__ import annotations

import math
from functools import lru_cache, singledispatch
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.transforms.base import Enclosure
from gsmooth_rotation.fusion import LARGEST, Fusion, lift_matrix
from gsmooth_rotation.interval import SLACK, Box, Warp, invert, swing
from gsmooth_rotation.pixels import PixelSpace
from gsmooth_rotation.space import Space
from gsmooth_rotation.turning import PolarSpace

WIDE: Final = 0.25
"""Radius of a box, in z, above which its equations are solved together as well."""
# Outward slack for the float64 arithmetic of lift and norm, relative and absolute.
NUMERICAL: Final = 1e-9


def enclose(space: Space, x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Enclosure:
    """Balls around L of the originals of x (1, C, H, W), for cells (n, 1) of angles in degrees.

    The middle of the box, lifted, with a bound on ||L v|| over all v within the half-widths; or,
    where that is wide, the ball of ``fusion``.
    """
    low, high = (torch.deg2rad(end[:, 0]) for end in (lower, upper))
    box = invert(x[0], low, high, rounding)
    shape = (len(lower), *x.shape[1:])
    half = ((box.high - box.low) / 2).clamp_min(0.0).view(shape)
    radius = _longest(space, half) * (1.0 + NUMERICAL) + NUMERICAL * (1.0 + math.sqrt(x.numel()))
    centre = space.lift(((box.low + box.high) / 2).view(shape))
    possible = box.possible.clone()
    if isinstance(space, PolarSpace) and x[0, 0].numel() <= LARGEST:
        for cell in (box.possible & box.known & (radius > WIDE)).nonzero().flatten().tolist():
            warp = Warp.of(shape[2], shape[3], low[cell, None], high[cell, None])
            ball = _fused(space, x, warp, float(low[cell] + high[cell]) / 2, box, cell, rounding)
            if ball is None:
                possible[cell] = False
            elif ball[1] < float(radius[cell]):
                centre[cell], radius[cell] = ball
    return Enclosure(centre, radius.masked_fill(~box.known, math.inf), possible)


def _fused(
    space: PolarSpace, x: Tensor, warp: Warp, middle: float, box: Box, cell: int, rounding: float
) -> tuple[Tensor, float] | None:
    """Centre (C * K,) and radius of one cell by ``fusion``; None where there is no original."""
    shape, sides = x.shape[1:], (warp.pad,) * 4
    low, high = (F.pad(end[cell].view(1, *shape), sides) for end in (box.low, box.high))
    slack = (swing(warp, low, high)[0] + rounding + SLACK).numpy()
    least, most = box.low[cell].numpy(), box.high[cell].numpy()
    fusion = Fusion(warp.matrix(), *lift_matrix(space, warp.height, warp.width))
    found, room = [], 0.0
    for sent, spare, below, above in zip(x[0].flatten(1).numpy(), slack, least, most, strict=True):
        y, left = fusion.ball(sent, spare, (below + above) / 2, (above - below) / 2)
        if left < 0.0:
            return None
        found.append(torch.from_numpy(y))
        room += left
    lipschitz_bound = _lipschitz_bound(space, warp.height, warp.width, middle)
    return space.lift(torch.stack(found).view(1, *shape))[0], math.sqrt(lipschitz_bound * room)


@lru_cache(maxsize=65536)
def _lipschitz_bound(space: PolarSpace, height: int, width: int, angle: float) -> float:
    """lam of ``fusion`` at an angle in radians: the same for every image, and slow to find."""
    here = torch.tensor([angle], dtype=torch.float64, device="cpu")
    matrix = Warp.of(height, width, here, here).matrix()
    return Fusion(matrix, *lift_matrix(space, height, width)).lipschitz_bound


@singledispatch
def _longest(space: Space, half: Tensor) -> Tensor:
    """sup ||L v|| over |v| <= half pixel by pixel, or a bound on it; (n, C, H, W) -> (n,)."""
    channels, height, width = half.shape[1:]
    longest: Tensor = space.norm((channels, height, width)) * half.flatten(1).norm(dim=1)
    return longest


@_longest.register
def _(space: PolarSpace, half: Tensor) -> Tensor:
    """L = F W S: F lengthens nothing and W S has no negative entry, so ||L v|| <= ||W S half||."""
    count, channels, height, width = half.shape
    flat = half.reshape(count * channels, height * width).numpy()
    spread = torch.from_numpy(space.frame(height, width).sampling @ flat.T)
    return spread.reshape(-1, count, channels).square().sum(dim=(0, 2)).sqrt()


@_longest.register
def _(space: PixelSpace, half: Tensor) -> Tensor:
    """A mask: ||L v|| <= ||L half||."""
    longest: Tensor = space.lift(half).norm(dim=1)
    return longest

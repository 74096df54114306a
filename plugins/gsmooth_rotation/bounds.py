"""Bounds of the derivative, in the angle, of a bilinearly rotated image on intervals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gsmooth.geometry.bilinear import SLACK, MovingPoints, Slopes, Track, Velocity
from gsmooth.geometry.pixels import farthest, offsets
from gsmooth_rotation.attack import RADIANS
from gsmooth_rotation.settings import ROTATION

NUMERICAL: Final = 1e-9
"""Outward slack for the float64 arithmetic of the bounds, per unit of image norm."""


def derivative_chunks(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Yield intervals that contain d psi_p / d theta for every theta in a cell, by pixel (C3).

    Args:
        x: Image (C, H, W), float64; outside it is 0.
        pixels: Flat indices of output pixels, (P,).
        lower: Lower ends of the cells, in radians, (n,).
        upper: Upper ends of the cells, in radians, (n,).

    Yields:
        The cells of a chunk, and both ends (C, cells, P), per radian, rounded outwards.
    """
    widest = widest_half(x.shape, pixels)
    if float((upper - lower).max()) / 2 > widest:
        raise ValueError(f"cells must be at most {2 * math.degrees(widest):g} degrees wide")
    step = max(1, ROTATION.memory.bounds // max(1, len(pixels)))
    slopes, places = Slopes.of(x), _bytes(pixels)
    points_of = _kept_points if step * len(pixels) <= ROTATION.memory.bounds else _points
    for start in range(0, len(lower), step):
        cells = slice(start, start + step)
        ends = _bytes(lower[cells]), _bytes(upper[cells])
        low, high = points_of(_size(x.shape), places, *ends, x.device).derivatives(slopes)
        yield cells, low, high


def widest_half(shape: torch.Size, pixels: Tensor) -> float:
    """Return the largest half-width D of a cell, in radians, for :func:`derivative_chunks`.

    With D r <= 0.45 and D <= 0.2, the box D r (1 + D / 2) around a source point at radius r is
    smaller than half a pixel, so it cannot touch a third interpolation cell.
    """
    return min(0.45 / max(farthest(_size(shape), pixels), 0.5), 0.2)


def in_narrow_cells(
    bound: Callable[[Tensor, Tensor], Tensor],
    shape: torch.Size,
    pixels: Tensor,
    lower: Tensor,
    upper: Tensor,
) -> Tensor:
    """``bound`` per radian on cells (n,) in radians -> per degree on cells (n, 1) in degrees.

    A cell too wide for C3 (a source point would cross a pixel) is cut into narrow ones that share
    their ends; the largest is taken.
    shape: of the image (C, H, W); pixels: those that count.
    """
    widest = 2.0 * widest_half(shape, pixels) / RADIANS
    parts = max(1, math.ceil(float((upper - lower).max()) / widest * (1.0 + 1e-9)))
    ends = [lower + (upper - lower) * (k / parts) for k in range(parts)] + [upper]
    radians = [end[:, 0] * RADIANS for end in ends]
    bounds = [bound(low, high) for low, high in itertools.pairwise(radians)]
    return (torch.stack(bounds).amax(dim=0) * RADIANS)[:, None]


def _size(shape: torch.Size) -> tuple[int, int]:
    return shape[1], shape[2]


def _bytes(values: Tensor) -> bytes:
    return values.detach().cpu().numpy().tobytes()


def _points(
    shape: tuple[int, int], places: bytes, lower: bytes, upper: bytes, device: torch.device
) -> MovingPoints:
    """Return the ranges of source points; pixels (int64) and ends (float64) are bytes, for a cache.

    C3 (docs/theory.md): the source point u(theta) of a pixel at radius r moves on a circle. On an
    interval of half-width D around m, u(theta) lies within |u'(m)| D + r D^2 / 2 of u(m), and u'
    within r D of u'(m).
    """
    pixels = torch.from_numpy(np.frombuffer(places, dtype=np.int64).copy()).to(device)
    ends = (np.frombuffer(end, dtype=np.float64).copy() for end in (lower, upper))
    low, high = (torch.from_numpy(end).to(device) for end in ends)
    row, col = offsets(shape, pixels)
    middle, half = ((low + high) / 2)[:, None], ((high - low) / 2)[:, None]
    cos, sin = torch.cos(middle), torch.sin(middle)
    # Source of output pixel (row, col) when the content turns anticlockwise by theta.
    u_row, u_col = row * cos + col * sin, col * cos - row * sin
    spread = half * torch.hypot(row, col)
    curve = 0.5 * spread * half + SLACK
    rows = Track.around(u_row, u_col.abs() * half + curve, shape[0])
    cols = Track.around(u_col, u_row.abs() * half + curve, shape[1])
    strays = (spread + SLACK).flatten()
    rate = Velocity(u_col.flatten(), -u_row.flatten(), strays, strays)
    return MovingPoints.of(len(low), rows, cols, shape[1], [rate])


# The first grid of a region is the same for every image; 16 chunks take about 64 MiB.
_kept_points = lru_cache(maxsize=16)(_points)

"""How fast a bilinearly rotated image can change with the angle, bounded on intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Outward slack for the float64 arithmetic of this bound: a few hundred operations a pixel.
SLACK = 1e-9


def rotation_speed(
    x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor]:
    """Interval that holds d psi_p / d theta for every theta in [lower, upper], pixel by pixel.

    x (C, H, W) float64; pixels (P,) flat indices of the output pixels that count; lower, upper
    (n,) in radians -> two tensors (n, C, P), per radian, zero padding, rounded outwards.

    Source: C3 (docs/theory.md). The source point u(theta) of a pixel at radius r moves on a circle:
    u(theta) lies within |u'(m)| D + r D^2 / 2 of u(m), and u' within r D of u'(m), on an interval
    of half-width D around m. It can only be in the cells that this box touches (fewer than one
    pixel wide: at most 2 x 2), and in each the partial derivatives of the interpolant are linear.
    At a kink the interval holds both one-sided derivatives.
    """
    _, height, width = x.shape
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    row = pixels // width - (height - 1) / 2
    col = pixels % width - (width - 1) / 2
    radius = torch.hypot(row, col)
    if float(half.max()) > (widest := widest_half(x.shape, pixels)):
        raise ValueError(f"cells must be at most {2 * math.degrees(widest):g} degrees wide")
    cos, sin = torch.cos(middle)[:, None], torch.sin(middle)[:, None]
    # Source of output pixel (row, col) when the content turns anticlockwise by theta.
    u_row, u_col = row * cos + col * sin, col * cos - row * sin
    speed_row, speed_col = col * cos - row * sin, -row * cos - col * sin
    spread = half[:, None] * radius
    reach_row = speed_row.abs() * half[:, None] + 0.5 * spread * half[:, None] + SLACK
    reach_col = speed_col.abs() * half[:, None] + 0.5 * spread * half[:, None] + SLACK

    pad = math.ceil(float(radius.max()) - min(height, width) / 2) + 3
    padded = F.pad(x, (pad, pad, pad, pad))
    at_row = u_row + ((height - 1) / 2 + pad)
    at_col = u_col + ((width - 1) / 2 + pad)
    box = _Box(at_row - reach_row, at_row + reach_row, at_col - reach_col, at_col + reach_col)
    speeds = (speed_row, speed_col, spread + SLACK)
    top, left = box.row_low.floor(), box.col_low.floor()
    low, high = _cell_speed(padded, box, speeds, top, left)
    down, right = box.row_high.floor() > top, box.col_high.floor() > left
    for moved, d_row, d_col in ((down, 1, 0), (right, 0, 1), (down & right, 1, 1)):
        if bool(moved.any()):
            part = _cell_speed(
                padded,
                _Box(*(edge[moved] for edge in box)),
                (speed_row[moved], speed_col[moved], (spread + SLACK)[moved]),
                top[moved] + d_row,
                left[moved] + d_col,
            )
            low[:, moved] = torch.minimum(low[:, moved], part[0])
            high[:, moved] = torch.maximum(high[:, moved], part[1])
    return (low - SLACK).transpose(0, 1), (high + SLACK).transpose(0, 1)


def widest_half(shape: torch.Size, pixels: Tensor) -> float:
    """The largest half-width of an interval, in radians, that :func:`rotation_speed` takes.

    With D r <= 0.45 and D <= 0.2 the box D r (1 + D / 2) around a source point stays below half a
    pixel, so it cannot touch a third cell.
    """
    _, height, width = shape
    row, col = pixels // width - (height - 1) / 2, pixels % width - (width - 1) / 2
    return min(0.45 / max(float(torch.hypot(row, col).max()), 0.5), 0.2)


class _Box(NamedTuple):
    """Where the source point may be: rows and columns of the padded image."""

    row_low: Tensor
    row_high: Tensor
    col_low: Tensor
    col_high: Tensor


def _cell_speed(
    padded: Tensor, box: _Box, speeds: tuple[Tensor, Tensor, Tensor], top: Tensor, left: Tensor
) -> tuple[Tensor, Tensor]:
    """Interval of dB/drow u'_row + dB/dcol u'_col for source points in one cell, (C, *box)."""
    width = padded.shape[2]
    corner = top.long() * width + left.long()
    flat = padded.flatten(1)
    v00, v01 = flat[:, corner], flat[:, corner + 1]
    v10, v11 = flat[:, corner + width], flat[:, corner + width + 1]
    row_low, row_high = (box.row_low - top).clamp(0, 1), (box.row_high - top).clamp(0, 1)
    col_low, col_high = (box.col_low - left).clamp(0, 1), (box.col_high - left).clamp(0, 1)
    twist = v11 - v10 - v01 + v00
    slope_col, slope_row = v01 - v00, v10 - v00
    speed_row, speed_col, spread = speeds
    low_c, high_c = _product(slope_col, twist, row_low, row_high, speed_col, spread)
    low_r, high_r = _product(slope_row, twist, col_low, col_high, speed_row, spread)
    return low_c + low_r, high_c + high_r


def _product(
    slope: Tensor, twist: Tensor, low: Tensor, high: Tensor, speed: Tensor, spread: Tensor
) -> tuple[Tensor, Tensor]:
    """Interval of (slope + twist t) s for t in [low, high] and |s - speed| <= spread."""
    a, b = slope + twist * low, slope + twist * high
    # |a s - a speed| <= |a| spread, and a s is linear in t: its ends suffice.
    extra = torch.maximum(a.abs(), b.abs()) * spread
    at_a, at_b = a * speed, b * speed
    return torch.minimum(at_a, at_b) - extra, torch.maximum(at_a, at_b) + extra

"""The attack: bilinear scaling and turning about the image centre."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

RADIANS: Final = math.pi / 180.0
ANGLE: Final = 0
SCALE: Final = 1
"""Columns of theta = (angle in degrees, log-scale)."""


def warped(x: Tensor, angle: Tensor, scale: Tensor) -> Tensor:
    """psi: images (N, C, H, W) turned anticlockwise by ``angle`` (N,) degrees, exp(scale) as large.

    About the point between the middle pixels; bilinear, zeros beyond the border, the size kept.
    """
    from kornia.geometry.transform import affine  # Its import takes a second.

    factor, turn = torch.exp(scale), angle * RADIANS
    cos, sin = factor * torch.cos(turn), factor * torch.sin(turn)
    # x grows to the right and y downwards: this turns anticlockwise as seen on the screen.
    linear = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    centre = x.new_tensor([(x.shape[3] - 1) / 2, (x.shape[2] - 1) / 2])
    matrix = torch.cat([linear, (centre - linear @ centre)[:, :, None]], dim=2)
    return affine(x, matrix, mode="bilinear", padding_mode="zeros", align_corners=True)

"""The attack of scaling and turning about the centre, and what a z-space for it has to say."""

from __future__ import annotations

import math
from typing import Final, Protocol

import torch
from kornia.geometry.transform import affine
from torch import Tensor

RADIANS: Final = math.pi / 180.0
ANGLE: Final = 0
SCALE: Final = 1
"""Columns of theta = (angle in degrees, log-scale)."""
# Outward slack for the float64 arithmetic of the bounds, per unit of image norm.
NUMERICAL: Final = 1e-9


class Space(Protocol):
    """Lift, readout and action, with the bounds that covers need.

    Images (N, C, H, W) and z (N, C * K), float64. theta = (angle in degrees, log-scale), (N, 2).
    Bounds are for cells lower, upper (n, 2) and the named axes: (n, axes), per degree and per unit
    of log-scale; axes that are not named must not move in any cell.
    """

    def norm(self, shape: tuple[int, int, int]) -> float:
        """Upper bound on ||L||."""

    def lift(self, x: Tensor) -> Tensor:
        """L x."""

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q z."""

    def act(self, z: Tensor, theta: Tensor) -> Tensor:
        """T z."""

    def fixed_part(self, z: Tensor, axes: tuple[int, ...]) -> Tensor:
        """The projection of z (N, K) on what no theta along these axes moves."""

    def action_derivative(self, z: Tensor, axes: tuple[int, ...]) -> Tensor | None:
        """sup ||d T_theta z / d theta_i||, (N, K) -> (N, axes), per degree and per ln."""

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """l2 bound on the float64 error of T z, for |theta| <= reach off by ``offset``."""

    def derivative_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, axes: tuple[int, ...]
    ) -> Tensor | None:
        """sup ||d T_(-theta) L psi / d theta_i|| over every cell."""

    def attack_derivative_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, axes: tuple[int, ...]
    ) -> Tensor:
        """sup ||d L psi / d theta_i|| over every cell."""


def warped(x: Tensor, angle: Tensor, scale: Tensor) -> Tensor:
    """psi: images (N, C, H, W) turned anticlockwise by ``angle`` (N,) degrees, exp(scale) as large.

    About the point between the middle pixels; bilinear, zeros beyond the border, the size kept.
    """
    factor, turn = torch.exp(scale), angle * RADIANS
    cos, sin = factor * torch.cos(turn), factor * torch.sin(turn)
    # x grows to the right and y downwards: this turns anticlockwise as seen on the screen.
    linear = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    centre = x.new_tensor([(x.shape[3] - 1) / 2, (x.shape[2] - 1) / 2])
    matrix = torch.cat([linear, (centre - linear @ centre)[:, :, None]], dim=2)
    return affine(x, matrix, mode="bilinear", padding_mode="zeros", align_corners=True)

"""What a z-space of rotated images has to say, and the attack that all of them answer to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Final, Protocol

import torch
from kornia.geometry.transform import rotate
from torch import Tensor

from gsmooth_rotation.bounds import widest_half

RADIANS: Final = math.pi / 180.0
# Outward slack for the float64 arithmetic of the bounds, per unit of image norm.
NUMERICAL: Final = 1e-9


class Space(Protocol):
    """Lift, readout and action for one disc, with the bounds that covers need.

    Images (N, C, H, W) and z (N, C * K), float64; angles in degrees.
    """

    def norm(self, shape: tuple[int, int, int]) -> float:
        """Upper bound on ||L||."""

    def lift(self, x: Tensor) -> Tensor:
        """L x."""

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q z: the adjoint of L, or near it."""

    def act(self, z: Tensor, angle: Tensor) -> Tensor:
        """T z for angles (N, 1)."""

    def fixed_part(self, z: Tensor) -> Tensor:
        """The projection of z on what no angle moves."""

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """sup over angles of ||d T z / d theta||, (N, K) -> (N, 1) per degree."""

    def action_error(self, z: Tensor, reach: float, offset: float) -> float:
        """l2 bound on the float64 error of T z, for angles up to ``reach`` off by ``offset``."""

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||d T_(-theta) L psi / d theta|| over cells, (n, 1) -> (n, 1)."""

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d theta|| over cells, (n, 1) -> (n, 1)."""


def turned(x: Tensor, angle: Tensor) -> Tensor:
    """psi: images (N, C, H, W) turned anticlockwise by ``angle`` (N,) degrees."""
    return rotate(x, angle, mode="bilinear", padding_mode="zeros", align_corners=True)


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

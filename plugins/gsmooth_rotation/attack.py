"""The attack: bilinear rotation about the image centre."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

RADIANS: Final = math.pi / 180.0


def turned(x: Tensor, angle: Tensor) -> Tensor:
    """psi: images (N, C, H, W) turned anticlockwise by ``angle`` (N,) degrees."""
    from kornia.geometry.transform import rotate  # Its import takes a second.

    return rotate(x, angle, mode="bilinear", padding_mode="zeros", align_corners=True)

"""Positions of pixels: offsets from the centre of an image, and the pixels of a disc."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


def offsets(shape: tuple[int, int], pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns of flat pixel indices, relative to the centre of (H, W) images."""
    height, width = shape
    # Explicit float64: integers minus a float would have torch's default type.
    row, col = (pixels // width).to(torch.float64), (pixels % width).to(torch.float64)
    return row - (height - 1) / 2, col - (width - 1) / 2


def farthest(shape: tuple[int, int], pixels: Tensor) -> float:
    """Return the largest distance of these pixels from the centre, px; 0 without pixels."""
    return float(torch.hypot(*offsets(shape, pixels)).max()) if len(pixels) else 0.0


@lru_cache(maxsize=16)
def disc(height: int, width: int, radius_px: float) -> Tensor:
    """Return flat indices (P,) of the pixels whose centre is within radius_px of the image's.

    Args:
        height: Height of the image, px.
        width: Width of the image, px.
        radius_px: Radius of the disc.

    Raises:
        ValueError: There is no such pixel.
    """
    every = torch.arange(height * width, dtype=torch.int64, device="cpu")
    row, col = offsets((height, width), every)
    inside: Tensor = (torch.hypot(row, col) <= radius_px).nonzero()[:, 0]
    if not len(inside):
        raise ValueError(
            f"no pixel of {height} x {width} images has its centre within radius_px={radius_px:g}"
            " of the middle; give a larger radius_px"
        )
    return inside


def known_size(name: str, image_px: tuple[int, int] | None) -> tuple[int, int]:
    """Return height and width of the images; ValueError if the transformation has no shape yet."""
    if image_px is None:
        raise ValueError(
            f"{name}: the image size is not known yet; call for_shape((channels, height, width))"
        )
    return image_px

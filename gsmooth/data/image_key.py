"""Names of images that have no index: a hash of their pixels."""

from __future__ import annotations

import hashlib
from typing import Final

import torch
from torch import Tensor

FIRST_KEY: Final = 2**128
"""Images that have no index are told apart by integers from here on, where no index is."""


def image_key(image: Tensor) -> int:
    """Stands for the index of an image (C, H, W) that has none: other pixels, other noise (S2).

    A hash of shape and float64 pixels, from FIRST_KEY on; -0.0 is 0.0.
    """
    pixels = image.detach().to("cpu", torch.float64).contiguous() + 0.0
    state = hashlib.blake2b(digest_size=16, person=b"gsmooth-image")
    state.update(f"{tuple(pixels.shape)}".encode())
    state.update(pixels.numpy().tobytes())
    return FIRST_KEY + int.from_bytes(state.digest(), "little")


def image_name(index: int) -> str:
    """How an error names an image: by its index, if it has one."""
    return f"image {index}" if index < FIRST_KEY else "the image"

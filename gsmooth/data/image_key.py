"""Keys of images without an index: hashes of their pixels."""

from __future__ import annotations

import hashlib
from typing import Final

import torch
from torch import Tensor

FIRST_KEY: Final = 2**128
"""Least key of an image without an index; every index is smaller."""


def image_key(image: Tensor) -> int:
    """Return an integer in place of the index of an image, so that other pixels get other noise.

    S2: votes at different images are independent, if the seed is unknown to the adversary.

    Args:
        image: Image (C, H, W).

    Returns:
        A hash of shape and float64 pixels, at least FIRST_KEY; -0.0 counts as 0.0.
    """
    pixels = image.detach().to("cpu", torch.float64).contiguous() + 0.0
    state = hashlib.blake2b(digest_size=16, person=b"gsmooth-image")
    state.update(f"{tuple(pixels.shape)}".encode())
    state.update(pixels.numpy().tobytes())
    return FIRST_KEY + int.from_bytes(state.digest(), "little")


def image_name(index: int) -> str:
    """Return the name of an image in errors: its index, if it has one.

    Args:
        index: Index of the image, or what :func:`image_key` gives.

    Returns:
        The name.
    """
    return f"image {index}" if index < FIRST_KEY else "the image"

"""The class Item: an image and its index, from which its random numbers are derived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from gsmooth.data.image_key import image_key


@final
@dataclass(frozen=True)
class Item:
    """An image and its index.

    Args:
        index: Part of the key of every random number for the image.
        image: Image (C, H, W), float64, in the declared input range, detached from gradients.
    """

    index: int
    image: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", self.image.detach())

    @staticmethod
    def of(image: Tensor, index: int | None) -> Item:
        """Return the image with its index, or with a hash of its pixels if ``index`` is None."""
        return Item(image_key(image) if index is None else index, image)

"""Item: one image and the index that its random numbers follow from."""

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
        index: Part of the key of every random number that is drawn for the image.
        image: (C, H, W), float64, in the declared input range. It is detached: no gradient leads
            back through it.
    """

    index: int
    image: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", self.image.detach())

    @staticmethod
    def of(image: Tensor, index: int | None) -> Item:
        """The image with its index, or with a hash of its pixels if ``index`` is None."""
        return Item(image_key(image) if index is None else index, image)

"""Resizing and cropping of images before certification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import reading, require_memory
from gsmooth.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

Size = int | tuple[int, int]


@final
@dataclass(frozen=True)
class Preparation:
    """Resizing, then cropping to the centre. Certificates hold for the resulting images.

    Args:
        resize: Length of the shortest side, or (height, width), px, by Pillow's antialiased
            bilinear filter; 8-bit images only. By default the size stays.
        crop: Side of the central square, or (height, width), px. By default nothing is cropped.
        background: Colour (R, G, B), 0..255, behind transparent pixels. By default images with
            transparent pixels are refused.
    """

    resize: Size | None = None
    crop: Size | None = None
    background: tuple[int, int, int] | None = None

    def describe(self) -> str:
        """Return a text such as "resized to 32 x 32, centre 28 x 28 cut out"; "" for no change."""
        said = []
        if isinstance(self.resize, int):
            said.append(f"resized to shortest side {self.resize} (Pillow, bilinear, antialiased)")
        elif self.resize is not None:
            said.append(f"resized to {_by(self.resize)} (Pillow, bilinear, antialiased)")
        if self.crop is not None:
            said.append(f"cut to the centre {_by(_pair(self.crop))}")
        if self.background is not None:
            said.append(f"laid on the background {list(self.background)}")
        return ", ".join(said)

    def picture(self, image: Image, name: str) -> Image:
        """Resize and crop an 8-bit image; ``name`` is its name in errors."""
        from PIL import Image as pillow

        if self.resize is not None:
            height, width = self._resized(image.height, image.width)
            if (height, width) != (image.height, image.width):
                image = image.resize((width, height), pillow.Resampling.BILINEAR)
        if self.crop is None:
            return image
        top, left, height, width = self._window(image.height, image.width, name)
        return image.crop((left, top, left + width, top + height))

    def arrays(self, images: NDArray[Any], name: str) -> NDArray[Any]:
        """Resize and crop images (N, C, H, W); ``name`` is their name in errors."""
        if self.resize is not None:
            images = self._resized_arrays(images, name)
        if self.crop is None:
            return images
        top, left, height, width = self._window(images.shape[2], images.shape[3], name)
        return images[:, :, top : top + height, left : left + width]

    def _resized_arrays(self, images: NDArray[Any], name: str) -> NDArray[np.uint8]:
        from PIL import Image as pillow

        if images.dtype != np.uint8:
            raise InputError(
                f"data {name}: data.resize is for 8-bit images, and these are {images.dtype};"
                " resize them before they are given"
            )
        height, width = self._resized(images.shape[2], images.shape[3])
        shape = (*images.shape[:2], height, width)
        require_memory(int(np.prod(shape)), name)
        made = np.empty(shape, dtype=np.uint8)
        with reading(name):
            for position, planes in enumerate(images):
                for channel, plane in enumerate(planes):
                    picture = pillow.fromarray(np.ascontiguousarray(plane))
                    picture = picture.resize((width, height), pillow.Resampling.BILINEAR)
                    made[position, channel] = np.asarray(picture)
        return made

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if isinstance(self.resize, tuple):
            return self.resize
        assert self.resize is not None
        # The longer side is rounded down, as in torchvision.
        if height <= width:
            return self.resize, max(1, self.resize * width // height)
        return max(1, self.resize * height // width), self.resize

    def _window(self, height: int, width: int, name: str) -> tuple[int, int, int, int]:
        """Return top, left, height and width of the central part."""
        assert self.crop is not None
        wanted = _pair(self.crop)
        if wanted[0] > height or wanted[1] > width:
            raise InputError(
                f"data {name}: data.crop asks for {_by(wanted)} of an image of {height} x {width};"
                " crop less, or resize to more first (data.resize)"
            )
        return round((height - wanted[0]) / 2), round((width - wanted[1]) / 2), *wanted


AS_IT_IS: Final = Preparation()
"""The preparation that changes nothing."""


def _pair(size: Size) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"

"""Pictures of a page: arrays of pixels become files of a few kilobytes, as text for the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from gsmooth.report.page.settings import PAGE


def picture_of(pixels: NDArray[Any], limits: tuple[float, float]) -> Image.Image:
    """Make a picture of pixels (C, H, W): three channels are colours, else the first is shown.

    Args:
        pixels: The pixels.
        limits: The values that are black and white.
    """
    low, high = limits
    shown = pixels if len(pixels) == 3 else pixels[:1]
    scaled = np.clip((shown - low) / ((high - low) or 1.0), 0.0, 1.0)
    levels = np.rint(255.0 * scaled).astype(np.uint8)
    return Image.fromarray(np.moveaxis(levels, 0, 2) if len(levels) == 3 else levels[0])


def fitted(picture: Image.Image, side: int) -> Image.Image:
    """Make a picture smaller where its longer side exceeds ``side``."""
    width, height = picture.size
    longest = max(width, height)
    if longest <= side:
        return picture
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def tiled(pictures: list[Image.Image], columns: int) -> Image.Image:
    """Put pictures of one size beside and below each other, ``columns`` in a row."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new(pictures[0].mode, (width * min(columns, len(pictures)), height * rows))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (width * (place % columns), height * (place // columns)))
    return sheet


def stored(sheet: Image.Image, side: int) -> str:
    """Return a picture file in base64, with its type in front: ``image/webp,UklGR...``.

    Args:
        sheet: The picture.
        side: Longer side of one of its parts; small ones are stored without loss.
    """
    small = side <= PAGE.thumbnails.lossless_side
    quality = PAGE.thumbnails.quality
    buffer = io.BytesIO()
    if max(sheet.size) <= _LARGEST and features.check("webp"):
        kind = "webp"
        sheet.save(buffer, "WEBP", lossless=small, quality=quality, method=2)
    elif small:
        kind = "png"
        sheet.save(buffer, "PNG")
    else:
        kind = "jpeg"
        sheet.save(buffer, "JPEG", quality=quality)
    return f"image/{kind},{base64.b64encode(buffer.getvalue()).decode()}"


_LARGEST = 16_383  # Of a side of a WebP file.

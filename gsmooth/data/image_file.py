"""Reading of an image file as upright 8-bit grey or RGB; lossy conversions are refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gsmooth.boundaries.placeholder_files import refuse_disguised
from gsmooth.data.boundary import reading
from gsmooth.data.preparation import AS_IT_IS, Preparation
from gsmooth.errors import FormatError, InputError, TooLargeError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff")
"""Suffixes of the files that are read, in lower case."""
FORMATS: Final = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "TIFF")
_PLAIN: Final = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}
_DEEP: Final = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def read_picture(path: Path, preparation: Preparation = AS_IT_IS) -> NDArray[np.uint8]:
    """Read an image file, turn it by its EXIF orientation, then resize and crop it.

    Args:
        path: The file.
        preparation: Size, crop and background; by default the image stays as it is.

    Returns:
        The image (C, H, W), uint8, with C = 1 or 3.

    Raises:
        InputError: The file cannot be read, has more than 8 bits a channel, transparency without
            a given background, colours without a unique RGB value (CMYK), or several pictures.
    """
    with reading(path), _strictly():
        if not path.is_file():
            raise InputError(f"data {path}: there is no such regular file (any more)")
        with _opened(path) as image:
            return _prepared(image, str(path), preparation)


def decode_picture(
    data: bytes,
    name: str,
    preparation: Preparation = AS_IT_IS,
    *,
    formats: tuple[str, ...],
    max_pixels: int,
) -> NDArray[np.uint8]:
    """Decode the bytes of an image file that a stranger sent, as :func:`read_picture` does a file.

    What the header says is checked before a pixel is decoded. It may be called in many threads.

    Args:
        data: The bytes.
        name: What they are, in errors: "data NAME: ...".
        preparation: Size, crop and background; by default the image stays as it is.
        formats: Names of the formats that are decoded, of Pillow.
        max_pixels: Pixels that an image may have, at most 80 million.

    Returns:
        The image (C, H, W), uint8, with C = 1 or 3.

    Raises:
        FormatError: They are no image in one of these formats.
        TooLargeError: The image has more pixels.
        InputError: As :func:`read_picture`.
    """
    from PIL import Image, ImageFile, UnidentifiedImageError

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # For good: other threads decode at the same time.
    try:
        with reading(name), Image.open(BytesIO(data), formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise TooLargeError(
                    f"data {name}: {image.width} x {image.height} pixels; at most"
                    f" {max_pixels:,} pixels are decoded. Send a smaller image"
                )
            return _prepared(image, name, preparation)
    except InputError as error:
        if isinstance(error.__cause__, UnidentifiedImageError):
            raise FormatError(
                f"data {name}: no image in the formats {', '.join(formats)}, or a damaged one"
            ) from error
        if isinstance(
            error.__cause__, (Image.DecompressionBombError, Image.DecompressionBombWarning)
        ):
            raise TooLargeError(
                f"data {name}: more than {max_pixels:,} pixels. Send a smaller image"
            ) from error
        raise


def _prepared(image: Image, name: str, preparation: Preparation) -> NDArray[np.uint8]:
    """The pixels (C, H, W) of an image whose file is open; nothing of it is decoded yet."""
    from PIL import ImageOps

    _require_one(name, image)
    _require_eight_bits(name, image)
    upright = ImageOps.exif_transpose(image)
    plain = _opaque(f"data {name}", upright, preparation.background)
    pixels = np.asarray(preparation.picture(plain, name), dtype=np.uint8)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)


def pixels_of(image: Image, name: str) -> NDArray[np.uint8]:
    """Convert a PIL image to uint8 (C, H, W), C = 1 or 3; it is not turned, resized or cropped.

    Args:
        image: The image.
        name: Name of the image, in errors.

    Raises:
        InputError: As in :func:`read_picture`.
    """
    if image.mode in _DEEP:
        raise InputError(
            f"{name}: more than 8 bits a channel (mode {image.mode}), which would be cut off;"
            " convert it to 8-bit grey or RGB, or give a floating-point array"
        )
    pixels = np.asarray(_opaque(name, image, None), dtype=np.uint8)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)


def _opened(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        refuse_disguised("data", path, InputError)
        raise InputError(
            f"data {path}: cannot be read as an image ({', '.join(FORMATS)}); it is another file,"
            " or it is damaged"
        ) from error


@contextmanager
def _strictly() -> Iterator[None]:
    """Make Pillow raise errors for decompression bombs and truncated files."""
    from PIL import Image, ImageFile

    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # Other code may have switched it on.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _require_one(name: str, image: Image) -> None:
    # An MPO file (a kind of JPEG from cameras) may contain previews after its picture.
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise InputError(
            f"data {name}: it holds {frames} pictures (an animation, or pages); save the one that"
            " is meant"
        )


def _require_eight_bits(name: str, image: Image) -> None:
    """Refuse 16-bit RGB, which Pillow silently reduces to 8 bits; its decoder names the depth."""
    raw = [part for tile in getattr(image, "tile", ()) for part in _flat(tile.args)]
    wide = any(isinstance(part, str) and ";16" in part for part in raw)
    scaled = image.format == "PPM" and any(isinstance(p, int) and p > 255 for p in raw)
    if image.mode in _DEEP or scaled or (wide and image.format != "BMP"):
        raise InputError(
            f"data {name}: more than 8 bits a channel (mode {image.mode}), which would be cut off;"
            " save it as 8-bit grey or RGB, or give floating-point images as .npz"
        )


def _flat(args: Any) -> Iterator[object]:
    if isinstance(args, tuple | list):
        yield from args
    else:
        yield args


def _opaque(name: str, image: Image, background: tuple[int, int, int] | None) -> Image:
    """Convert to grey or RGB; transparent pixels are blended with the background."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        if (target := _PLAIN.get(image.mode)) is None:
            raise InputError(
                f"{name}: its colours are {image.mode}, which have no one RGB; convert it to"
                " 8-bit grey or RGB"
            )
        return image.convert(target)
    grey = image.mode in ("1", "L", "LA")
    layered = image.convert("LA" if grey else "RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        return layered.convert("L" if grey else "RGB")
    if background is None:
        raise InputError(
            f"{name}: it has transparent pixels, and what shows through them is not said; save"
            " it without, or name a colour, e.g. --set data.background=[255,255,255]"
        )
    return _on_background(layered, background, grey)


def _on_background(layered: Image, background: tuple[int, int, int], grey: bool) -> Image:
    from PIL import Image

    below = Image.new("RGBA", layered.size, (*background, 255))
    flat = Image.alpha_composite(below, layered.convert("RGBA"))
    return flat.getchannel("R") if grey and len(set(background)) == 1 else flat.convert("RGB")

"""Settings of data: limits, beyond which an input is a mistake, and sizes of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class SheetSettings:
    """The sheet of images that a notebook shows of a data set."""

    images: int = 16
    """Images on it, at most."""
    columns: int = 8
    """Images side by side, at most."""
    side: int = 64
    """Side in pixels from which fewer pixels are shown."""
    classes: int = 12
    """Classes whose images are counted, at most."""


@final
@dataclass(frozen=True)
class DataSettings:
    """Limits on data, and sizes of blocks."""

    most_classes: int = 1_000_000
    """Largest number of classes. A larger label is a mistake; its names would fill the memory."""
    block_images: int = 256
    """Images that are read at once where a digest is computed. More take more memory."""
    block_bytes: int = 2**26
    """Most bytes of such images where they are on disk."""
    in_memory_bytes: int = 2**27
    """Bytes of all images from which a run leaves them on disk, and reads each when it is used."""
    recent_images: int = 8
    """Images on disk that are kept in memory after they were read."""
    most_pixels: int = 80_000_000
    """Pixels of one image of a hub, at most: a small file can hold more than the memory does."""
    kept_bytes: int = 2**27
    """Bytes of all images from which their digests are kept in the user's cache folder."""
    looked_at_least: int = 64
    """Images of a folder that ``gsmooth init`` reads, however long it takes."""
    sheet: SheetSettings = SheetSettings()
    """Of the sheet of images in notebooks."""


DATA: Final = DataSettings()

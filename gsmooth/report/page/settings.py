"""Settings of the page: how many pictures it holds, how large, and how much of the votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ThumbnailSettings:
    """Pictures of all images. The page stays below 30 MB because of the two numbers of bytes."""

    side: int = 96
    """Largest side of a picture, in pixels; a smaller image is stored as it is."""
    least_side: int = 24
    """Side below which pictures are not made smaller to save bytes."""
    on_sheet: int = 100
    """Pictures stored together in one file of the page."""
    bytes: int = 12_000_000
    """Bytes of all pictures, above which they are made smaller."""
    quality: int = 82
    """Quality of WebP or JPEG, from 0 to 100."""
    lossless_side: int = 40
    """Pictures of images up to this side are stored without loss."""


@final
@dataclass(frozen=True)
class SliderSettings:
    """Sliders through the attack."""

    images: int = 200
    """Largest number of images with a slider."""
    frames: int = 17
    """Attacked images on a path; an odd number has the original in the middle."""
    paths: int = 4
    """Largest number of paths of an image: one a parameter, and one to the worst attack found."""
    side: int = 128
    """Largest side of an attacked image, in pixels."""
    bytes: int = 8_000_000
    """Bytes of all attacked images, above which no further image gets a slider."""


@final
@dataclass(frozen=True)
class PageSettings:
    """What the page shows of an image. No number in it depends on these."""

    centres: int = 8
    """Largest number of centres in an image's details: those whose votes have least to spare."""
    classes: int = 4
    """Largest number of classes whose votes are given in an image's details."""
    name_length: int = 48
    """Characters of the name of a class or a run."""
    curve_points: int = 400
    """Largest number of drawn points of a curve; they lie on or below it."""
    thumbnails: ThumbnailSettings = ThumbnailSettings()
    """Pictures of all images."""
    sliders: SliderSettings = SliderSettings()
    """Sliders through the attack."""


PAGE: Final = PageSettings()

"""DataSection: the images of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gsmooth.data.fields import SizeField
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.section import Count, Section
from gsmooth.runs.config.shard import Shard

Byte = Annotated[int, Field(ge=0, le=255)]


def _a_shard(text: str) -> str:
    try:
        return str(Shard.parse(text))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


class DataSection(Section):
    """The images, and which of them are used: `start`, `start + every`, ..., at most `limit`."""

    spec: str = "shipped:digits"
    """`shipped:digits`, `FILE.npz`, a folder of images by class, `hf-data:NAME[SPLIT]`, or
    `module:factory`."""
    split: str | None = None
    """Which part, of data that have splits. Left out: `heldout` (`train` for `gsmooth train` and
    `gsmooth calibrate`). `all`: data without splits."""
    resize: SizeField = None
    """8-bit images are resized before anything else: the shortest side in pixels, or `[H, W]`."""
    crop: SizeField = None
    """The centre that is cut out after resizing: the side in pixels, or `[H, W]`."""
    background: tuple[Byte, Byte, Byte] | None = None
    """Colour behind transparent pixels of image files: `[R, G, B]` of 0..255. Left out: such images
    are refused."""
    start: Annotated[int, Field(ge=0)] = 0
    """Position of the first image."""
    every: Count = 1
    """Step between images."""
    limit: Count | None = None
    """Number of images, at most. Left out: all."""
    unseen: bool = False
    """Leave out the images that are listed in `model.trained_images`. `gsmooth train` writes it
    where it kept a part of the images (`train.holdout`)."""
    shard: Annotated[str, AfterValidator(_a_shard)] | None = None
    """One part of these images: `"2/8"` is the second of eight. `--shard` sets it, and the folder
    of the part; `gsmooth merge` joins the records of all parts."""

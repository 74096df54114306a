"""Thumbnails: a small picture of every image, a hundred in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from gsmooth.data.dataset import Dataset
from gsmooth.report.attacked_images import pixel_limits
from gsmooth.report.page.pictures import fitted, picture_of, stored, tiled
from gsmooth.report.page.settings import PAGE

if TYPE_CHECKING:
    from PIL import Image

_COLUMNS = 10


@final
@dataclass(frozen=True)
class Thumbnails:
    """Pictures of images, in their order.

    width, height: of one picture, in pixels; on_sheet: pictures of a sheet, ``columns`` in a row;
    shown: number of images with a picture; sheets: files as ``pictures.stored`` returns them.
    """

    width: int
    height: int
    columns: int
    on_sheet: int
    shown: int
    sheets: tuple[str, ...]


def thumbnails_of(dataset: Dataset, indices: Sequence[int]) -> Thumbnails:
    """Draw the images at these positions of the data, as large as the settings allow."""
    settings, source = PAGE.thumbnails, _Source(dataset, pixel_limits(dataset))
    side = _side(source, indices)
    sheets: list[str] = []
    left = settings.bytes + settings.bytes // 4  # The side is chosen by an estimate.
    for start in range(0, len(indices), settings.on_sheet):
        sheet = source.sheet(indices[start : start + settings.on_sheet], side)
        if (left := left - len(sheet)) < 0:
            break
        sheets.append(sheet)
    width, height = source.picture(indices[0], side).size
    shown = min(len(indices), len(sheets) * settings.on_sheet)
    return Thumbnails(width, height, _COLUMNS, settings.on_sheet, shown, tuple(sheets))


@final
@dataclass(frozen=True)
class _Source:
    dataset: Dataset
    limits: tuple[float, float]

    def picture(self, index: int, side: int) -> Image.Image:
        return fitted(picture_of(self.dataset.image(index).numpy(), self.limits), side)

    def sheet(self, indices: Sequence[int], side: int) -> str:
        return stored(tiled([self.picture(index, side) for index in indices], _COLUMNS), side)


def _side(source: _Source, indices: Sequence[int]) -> int:
    """The largest side at which all pictures fit, by a sample of one sheet."""
    settings = PAGE.thumbnails
    side = min(settings.side, max(source.dataset.shape[1:]))
    every = -(-len(indices) // settings.on_sheet)
    sample = indices[::every]
    while side > settings.least_side:
        expected = len(source.sheet(sample, side)) * len(indices) / len(sample)
        if expected <= settings.bytes:
            break
        side = max(settings.least_side, int(0.8 * side))
    return side

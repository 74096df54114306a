"""A sheet of images for notebooks: the first ones of a data set, side by side."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.settings import DATA
from gsmooth.text.notebook import table_html

if TYPE_CHECKING:
    from gsmooth.data.dataset import Dataset


def dataset_html(dataset: Dataset) -> str:
    """The first images as a picture, and the number of images of every class.

    Args:
        dataset: The images; those on disk are read.
    """
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    rows = list(zip(dataset.classes, counts.tolist(), strict=True))[: DATA.sheet.classes]
    if len(dataset.classes) > len(rows):
        rows.append((f"and {len(dataset.classes) - len(rows)} more", ""))
    channels, height, width = dataset.shape
    title = f"{len(dataset)} images {channels} x {height} x {width} of {dataset.name}"
    table = table_html(title, ("class", "images"), rows if dataset.labelled else ())
    if channels not in (1, 3) or not len(dataset):
        return table
    picture = base64.b64encode(sheet_png(dataset)).decode()
    return f'{table}<img alt="the first images" src="data:image/png;base64,{picture}">'


def sheet_png(dataset: Dataset) -> bytes:
    """The first images as a PNG; large ones are made smaller.

    Args:
        dataset: Grey or RGB images.
    """
    from PIL import Image

    number = min(len(dataset), DATA.sheet.images)
    tiles = [_tile(dataset, index) for index in range(number)]
    high, wide = tiles[0].shape[:2]
    columns = min(number, DATA.sheet.columns)
    lines = -(-number // columns)
    page = np.full((lines * (high + 1), columns * (wide + 1), 3), 255, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (high + 1), (index % columns) * (wide + 1)
        page[top : top + high, left : left + wide] = tile
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _tile(dataset: Dataset, index: int) -> NDArray[np.uint8]:
    """(H, W, 3), with every pixel of an image, or every second one of a large one, ..."""
    low, high = dataset.input_range
    step = -(-max(dataset.shape[1:]) // DATA.sheet.side)
    pixels = dataset.pixels(index, np.float64)[:, ::step, ::step]
    grey = np.clip((pixels - low) / (high - low), 0.0, 1.0)
    shown = np.rint(255.0 * np.moveaxis(grey, 0, 2)).astype(np.uint8)
    return np.broadcast_to(shown, (*shown.shape[:2], 3)).copy() if shown.shape[2] == 1 else shown

"""StreamedImages: image files that look like an array, and are read when they are indexed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.folder import stacked
from gsmooth.data.image_file import read_picture
from gsmooth.data.preparation import Preparation
from gsmooth.errors import InputError


@final
class StreamedImages:
    """Images (N, C, H, W), uint8, of files that need not fit into memory together.

    The shape is that of the first file; a file of another shape is an error when it is read.

    Args:
        paths: The files.
        preparation: Changes of the images after they are read.
    """

    dtype: Final = np.dtype(np.uint8)
    ndim: Final = 4

    def __init__(self, paths: Sequence[Path], preparation: Preparation) -> None:
        self.paths = tuple(paths)
        self.preparation = preparation
        first = read_picture(self.paths[0], preparation)
        self.shape = (len(self.paths), *first.shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, part: int | slice | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        if isinstance(part, int | np.integer):
            return self._read([self.paths[int(part)]])[0]  # type: ignore[no-any-return]
        if isinstance(part, slice):
            return self._read(self.paths[part])
        places = np.flatnonzero(part) if part.dtype == np.bool_ else part
        return self._read([self.paths[int(place)] for place in places])

    def _read(self, paths: Sequence[Path]) -> NDArray[np.uint8]:
        images = stacked(paths, self.preparation)
        if images.shape[1:] != self.shape[1:]:
            raise InputError(
                f"data {paths[0]}: (C, H, W) = {images.shape[1:]}, but {self.paths[0]} has"
                f" {self.shape[1:]}; bring all images to one size by data.resize and data.crop"
            )
        return images

"""LazyImages: images that look like an array, and are read from disk when they are indexed."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import reading, require_memory
from gsmooth.data.settings import DATA
from gsmooth.data.survey import Survey, alone, image_digest, kept_path
from gsmooth.errors import InputError

Part = int | slice | NDArray[np.integer[Any]] | NDArray[np.bool_]


class LazyImages(ABC):
    """Images (N, C, H, W) on disk, which need not fit into memory together.

    Once they are surveyed, an image that is no longer what it was then is an error when it is read.

    Attributes:
        name: Name of the images, in errors.
        dtype: Type of the stored pixels.
        shape: (N, C, H, W).
    """

    ndim: Final = 4
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, int, int, int]
    _survey: Survey | None = None

    @abstractmethod
    def read(self, place: int) -> NDArray[Any]:
        """Read the image at one position, (C, H, W)."""

    @abstractmethod
    def taken(self, places: Sequence[int]) -> LazyImages:
        """Return the images at these positions, still on disk."""

    @abstractmethod
    def source(self) -> str:
        """Return a text that changes when the files, or what is done to images, change."""

    @abstractmethod
    def require_whole(self) -> None:
        """Raise an error if a file is damaged in a way that reading single images does not show."""

    @property
    def nbytes(self) -> int:
        """Bytes of all images in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    @property
    def survey(self) -> Survey:
        """What is known of all images; the first time every one is read."""
        if self._survey is None:
            path = self._kept
            with alone(path):
                found = None if path is None else Survey.read(path, len(self))
                if found is None:
                    found = self._surveyed()
                    if path is not None:
                        found.saved(path)
            self._survey = found
        return self._survey

    def digest(self, labels: NDArray[np.int64]) -> str:
        """Compute the sha256 of pixels and labels; images are read only if it is not known yet."""
        given, known = np.ascontiguousarray(labels), self.survey.digests
        name = hashlib.sha256(given.data).hexdigest()
        if name not in known:
            state = (self.survey.pixels or self._pixels_digest()).copy()
            state.update(given.data)
            known[name] = state.hexdigest()
            if self._kept is not None:
                self.survey.saved(self._kept)
        return known[name]

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all images in order, (N, C, H, W), so many at once as are small in memory."""
        each = max(1, self.nbytes // len(self))
        step = max(1, min(DATA.block_images, DATA.block_bytes // each))
        for start in range(0, len(self), step):
            yield self[start : start + step]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: Part) -> NDArray[Any]:
        if isinstance(part, int | np.integer):
            return _recent(self, range(len(self))[int(part)])
        if isinstance(part, slice):
            places: Sequence[int] = range(len(self))[part]
        else:
            found = np.flatnonzero(part) if part.dtype == np.bool_ else part
            places = [int(place) for place in found]
        shape = (len(places), *self.shape[1:])
        require_memory(int(np.prod(shape)) * self.dtype.itemsize, self.name)
        images = np.empty(shape, dtype=self.dtype)
        for position, place in enumerate(places):
            images[position] = self._checked(place)
        return images

    @cached_property
    def _kept(self) -> Path | None:
        """The file that keeps the survey; None for images that are read in no time."""
        if self.nbytes < DATA.kept_bytes:
            return None
        with reading(self.name):  # A file may be gone by now.
            return kept_path(self.source())

    def _surveyed(self) -> Survey:
        """Read every image once."""
        self.require_whole()
        state = self._begun()
        keys = np.empty((len(self), 2), dtype=np.uint64)
        place, low, high = 0, np.inf, -np.inf
        for block in self.blocks():
            state.update(np.ascontiguousarray(block).data)
            # NaN stays NaN.
            low, high = np.minimum(low, block.min()), np.maximum(high, block.max())
            for image in block:
                keys[place] = np.frombuffer(image_digest(image), dtype=np.uint64)
                place += 1
        return Survey(keys, float(low), float(high), state)

    def _pixels_digest(self) -> Any:
        state = self._begun()
        for block in self.blocks():
            state.update(np.ascontiguousarray(block).data)
        return state

    def _begun(self) -> Any:
        """The digest of Dataset, before the first pixel."""
        return hashlib.sha256(f"{self.dtype.str}{self.shape}".encode())

    def _checked(self, place: int) -> NDArray[Any]:
        image = self.read(place)
        if self._survey is not None and not self._survey.holds(place, image_digest(image)):
            raise InputError(
                f"data {self.name}: image {place} is not what it was when all images were read for"
                " their digest; run the command again, and leave the files as they are meanwhile"
            )
        return image


@lru_cache(maxsize=DATA.recent_images)
def _recent(images: LazyImages, place: int) -> NDArray[Any]:
    """One image; the last few are kept, since a run reads an image several times in succession."""
    image = images._checked(place)
    image.flags.writeable = False
    return image

"""Digests of single images: which images a network was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import reading
from gsmooth.data.dataset import Dataset
from gsmooth.errors import InputError

Keys = NDArray[np.uint64]


def image_digests(dataset: Dataset, places: Iterable[int], workers: int = 0) -> Keys:
    """Compute a digest of each image: 64 bits of the sha256 of type, shape and stored pixels.

    Labels and the input range have no part in it.

    Args:
        dataset: The images.
        places: Positions of the images.
        workers: Threads that read and hash; 0: none beside this one.

    Returns:
        The digests, in the order of the places.
    """

    def digest(place: int) -> int:
        return _digest(np.ascontiguousarray(dataset.images[place]))

    if not workers:
        return np.fromiter((digest(place) for place in places), dtype=np.uint64)
    with ThreadPoolExecutor(workers) as pool:
        return np.fromiter(pool.map(digest, places), dtype=np.uint64)


@final
class SeenImages:
    """The digests of images that a network was trained or validated on.

    Args:
        keys: Their digests.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = np.unique(keys)

    @staticmethod
    def read(path: Path) -> SeenImages:
        """Read a file of ``numpy.save``; InputError for any other one."""
        with reading(path):
            keys = np.load(path, allow_pickle=False)
        if keys.dtype != np.uint64 or keys.ndim != 1:
            raise InputError(
                f"model.trained_images={path}: expected a list of digests, as gsmooth train"
                " writes it"
            )
        return SeenImages(keys)

    def among(self, keys: Keys) -> NDArray[np.bool_]:
        """Whether each of these images is one of them, (N,)."""
        return np.isin(keys, self.keys)


def _digest(image: NDArray[Any]) -> int:
    state = hashlib.sha256(f"{image.dtype.str}{image.shape}".encode())
    state.update(image.data)
    return int.from_bytes(state.digest()[:8], "little")

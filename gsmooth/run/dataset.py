"""Dataset: labelled images in memory, checked once when they are put together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsmooth.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from torch import Tensor

_CHANNELS = (1, 3, 4)


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images.

    images: (N, C, H, W), uint8 (0..255) or floating (already in the model's input range).
    labels: int64 (N,), each below ``len(classes)``. Raises InputError for anything else, NaN and
    infinite pixels included.
    """

    name: str
    images: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_images(self.name, self.images)
        _check_labels(self.name, self.labels, len(self.images), len(self.classes))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        channels, height, width = self.images.shape[1:]
        return int(channels), int(height), int(width)

    def image(self, index: int) -> Tensor:
        """Image ``index`` as float64 (C, H, W); uint8 is divided by 255."""
        import torch

        pixels = self.images[index].astype(np.float64)
        return torch.from_numpy(pixels / 255.0 if self.images.dtype == np.uint8 else pixels)

    def label(self, index: int) -> int:
        """The true class of image ``index``."""
        return int(self.labels[index])

    def indices(self, start: int = 0, every: int = 1, limit: int | None = None) -> range:
        """Positions start, start + every, ... of at most ``limit`` images.

        Raises ConfigurationError when that names no image.
        """
        if start < 0 or every < 1 or (limit is not None and limit < 1):
            raise ConfigurationError(
                f"data: start={start}, every={every}, limit={limit}: start must be >= 0,"
                " every and limit >= 1"
            )
        chosen = range(start, len(self), every)
        if not chosen:
            raise ConfigurationError(
                f"data: start={start} lies behind the {len(self)} images of {self.name}"
            )
        return chosen if limit is None else chosen[:limit]

    def digest(self) -> str:
        """sha256 of pixels and labels: tells two data sets under one name apart."""
        state = hashlib.sha256(f"{self.images.dtype.str}{self.images.shape}".encode())
        state.update(np.ascontiguousarray(self.images).tobytes())
        state.update(np.ascontiguousarray(self.labels).tobytes())
        return state.hexdigest()


def dataset_from_arrays(
    name: str, images: ArrayLike, labels: ArrayLike, classes: tuple[str, ...] | None = None
) -> Dataset:
    """A data set from (N, H, W), (N, C, H, W) or (N, H, W, C) images and integer labels (N,).

    Channels are taken to be last only where the last axis has 1, 3 or 4 entries and the second
    has not. Without ``classes`` they are named 0, 1, ..., the largest label.
    """
    pixels, truth = _channels_first(np.asarray(images)), np.asarray(labels)
    if truth.ndim != 1 or not np.issubdtype(truth.dtype, np.integer):
        raise InputError(
            f"{name}: labels of shape {truth.shape} and type {truth.dtype}; expected integers (N,)"
            " (for one-hot labels take argmax first)"
        )
    if classes is None:
        classes = tuple(str(label) for label in range(int(truth.max(initial=0)) + 1))
    return Dataset(name, pixels, truth.astype(np.int64), classes)


def interleaved(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order that takes one image of every class in turn, so that every prefix is balanced."""
    rank = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    return np.lexsort((labels, rank))


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        return np.moveaxis(images, 3, 1)
    return images


def _check_images(name: str, images: NDArray[Any]) -> None:
    if images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"{name}: images of shape {images.shape}; expected (N, C, H, W) or (N, H, W)"
        )
    if images.dtype == np.uint8:
        return
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            f"{name}: images of type {images.dtype}; expected uint8 (0..255) or floating point"
        )
    finite = np.isfinite(images).all(axis=(1, 2, 3))
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise InputError(
            f"{name}: image {first} holds NaN or infinite pixels"
            f" ({int((~finite).sum())} such images); remove or repair them"
        )


def _check_labels(name: str, labels: NDArray[np.int64], images: int, classes: int) -> None:
    if labels.dtype != np.int64 or labels.shape != (images,):
        raise InputError(
            f"{name}: {images} images, but labels of shape {labels.shape} and type {labels.dtype};"
            f" expected int64 ({images},)"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"{name}: image {first} has label {int(labels[first])}; with {classes} classes labels"
            f" run from 0 to {classes - 1}"
        )

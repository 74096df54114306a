"""The class Dataset: labelled images, checked when it is built or when all are read first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsmooth.data.arrays import as_array
from gsmooth.data.lazy_images import LazyImages
from gsmooth.data.settings import DATA
from gsmooth.data.splits import ALL
from gsmooth.data.survey import image_digest
from gsmooth.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from torch import Tensor

_CHANNELS: Final = (1, 3, 4)


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images.

    Args:
        name: Name of the data, in errors and records.
        images: Images (N, C, H, W): uint8 (0..255, mapped onto ``input_range``), or floating and
            inside ``input_range``. :class:`gsmooth.data.lazy_images.LazyImages` have the same shape
            and are indexed in the same way, and are read from disk when they are.
        labels: Labels (N,), int64, each below ``len(classes)``.
        classes: Names of the classes.
        named: True if 0, 1, 2, ... are names in ``classes``, such as those of folders.
        split: Name of the part of the data; "all" for data without splits.
        input_range: Least and greatest value of a pixel.
        labelled: False for a single image of unknown class; its label then has no meaning.
        notices: Notices to the user about files that were not read.

    Raises:
        InputError: Shape, type or values do not fit; pixels are not finite; or 8-bit images have
            no values above 1, but some of 1.
    """

    name: str
    images: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    named: bool = False
    split: str = ALL
    input_range: tuple[float, float] = (0.0, 1.0)
    labelled: bool = True
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_images(self.name, self.images)
        _check_labels(self.name, self.labels, len(self.images), len(self.classes))
        _check_names(self.name, self.classes)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of an image."""
        channels, height, width = self.images.shape[1:]
        return int(channels), int(height), int(width)

    @property
    def has_names(self) -> bool:
        """True if the classes have names from the data or the model, not only numbers."""
        return self.named or self.classes != tuple(map(str, range(len(self.classes))))

    def for_range(self, input_range: tuple[float, float]) -> Dataset:
        """Return the data with another input range, such as that of a model.

        8-bit images are mapped onto the range.

        Args:
            input_range: Least and greatest value of a pixel.

        Raises:
            InputError: A floating-point image has values outside the range.
        """
        fitted = replace(self, input_range=input_range)
        if self.images.dtype != np.uint8:
            _check_range(self.name, self.images, input_range)
        return fitted

    def surveyed(self) -> Dataset:
        """Return the data; images that are on disk are read once and checked as others are.

        Raises:
            InputError: A file cannot be read, or values do not fit.
        """
        if isinstance(self.images, LazyImages):
            _check_values(self.name, self.images)
        return self

    def taken(self, chosen: NDArray[np.bool_]) -> Dataset:
        """Return the images that are chosen, (N,); those on disk stay there."""
        images: Any = self.images
        if isinstance(images, LazyImages):
            images = images.taken(np.flatnonzero(chosen).tolist())
        else:
            images = images[chosen]
        return replace(self, images=images, labels=self.labels[chosen])

    def _repr_html_(self) -> str:
        """For notebooks: a sheet of the first images, and how many each class has."""
        from gsmooth.data.sheet import dataset_html

        return dataset_html(self)

    def extremes(self) -> tuple[float, float]:
        """Return the least and the greatest stored value."""
        return _extremes(self.images)

    def pixels(
        self, part: int | NDArray[np.integer[Any]], dtype: type[np.floating[Any]]
    ) -> NDArray[Any]:
        """Return images as floating-point numbers in the input range.

        8-bit values become value * (high - low) / 255 + low.

        Args:
            part: Position, or positions, of the images.
            dtype: Type of the result.
        """
        values: NDArray[Any] = self.images[part].astype(dtype)
        if self.images.dtype != np.uint8:
            return values
        low, high = (dtype(end) for end in self.input_range)
        mapped: NDArray[Any] = np.clip(values * (high - low) / dtype(255.0) + low, low, high)
        return mapped

    def image(self, index: int) -> Tensor:
        """Return image ``index`` as float64 (C, H, W), in the input range."""
        import torch

        return torch.from_numpy(self.pixels(index, np.float64))

    def label(self, index: int) -> int:
        """Return the true class of image ``index``."""
        return int(self.labels[index])

    def indices(self, start: int = 0, every: int = 1, limit: int | None = None) -> range:
        """Return the positions start, start + every, ... of images.

        Args:
            start: First position.
            every: Distance between positions.
            limit: Largest number of images; None for all.

        Raises:
            ConfigurationError: There is no image at these positions.
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

    def keys(self) -> NDArray[np.uint64]:
        """Compute 128 bits of a hash of each image's stored pixels, (N, 2)."""
        if isinstance(self.images, LazyImages):
            return self.images.survey.keys
        made = b"".join(map(image_digest, self.images))
        return np.frombuffer(made, dtype=np.uint64).reshape(-1, 2)

    def digest(self) -> str:
        """Compute the sha256 of pixels and labels, which identifies the data in records."""
        if isinstance(self.images, LazyImages):
            return self.images.digest(self.labels)
        state = hashlib.sha256(f"{self.images.dtype.str}{self.images.shape}".encode())
        for start in range(0, len(self), DATA.block_images):
            block = self.images[start : start + DATA.block_images]
            state.update(np.ascontiguousarray(block).data)
        state.update(np.ascontiguousarray(self.labels).data)
        return state.hexdigest()


def dataset_from_arrays(
    name: str,
    images: ArrayLike | LazyImages,
    labels: ArrayLike,
    classes: Sequence[str] | None = None,
    split: str = ALL,
) -> Dataset:
    """Build a data set from arrays.

    Args:
        name: Name of the data.
        images: Images (N, H, W), (N, C, H, W) or (N, H, W, C). Channels are last if the last axis
            has 1, 3 or 4 entries and the second has not.
        labels: Integers (N,).
        classes: Names of the classes; by default 0, 1, ..., the largest label.
        split: Name of the part of the data; by default "all".

    Raises:
        InputError: An array is sparse, ragged, masked or of objects, or they do not fit together.
    """
    lazy = isinstance(images, LazyImages)
    pixels: Any = images if lazy else _channels_first(as_array(f"{name}: images", images))
    truth = _integers(name, as_array(f"{name}: labels", labels))
    if classes is None:
        numbered = tuple(map(str, range(int(truth.max(initial=0)) + 1)))
        return Dataset(name, pixels, truth, numbered, split=split)
    return Dataset(name, pixels, truth, tuple(classes), named=True, split=split)


def interleaved(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return an order that takes images of all classes in turn, so that prefixes are balanced."""
    rank = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    return np.lexsort((labels, rank))


def _integers(name: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{name}: labels of shape {labels.shape} and type {labels.dtype}; expected integers"
            " (N,) (for one-hot labels take argmax first)"
        )
    # Checked before the conversion to int64, in which large uint64 become negative.
    wrong = np.flatnonzero(labels >= DATA.most_classes)
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"{name}: image {first} has label {int(labels[first])}; classes are numbered from 0,"
            f" and no more than {DATA.most_classes:,} are supported"
        )
    return labels.astype(np.int64)


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        return np.moveaxis(images, 3, 1)
    return images


def checked_form(name: str, images: NDArray[Any]) -> NDArray[Any]:
    """Return the images as (N, C, H, W); InputError if shape or type do not fit."""
    shaped = _channels_first(images)
    _check_form(name, shaped)
    return shaped


def _check_images(name: str, images: NDArray[Any]) -> None:
    _check_form(name, images)
    if not isinstance(images, LazyImages):  # Those are checked when all are read.
        _check_values(name, images)


def _check_form(name: str, images: NDArray[Any]) -> None:
    if images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"{name}: images of shape {images.shape}; expected (N, C, H, W) or (N, H, W)"
        )
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            f"{name}: images of type {images.dtype}; expected uint8 (0..255) or floating point"
        )


def _check_values(name: str, images: NDArray[Any] | LazyImages) -> None:
    """Raise InputError if 8-bit images have no value above 1, or a pixel is not finite.

    8-bit data that are all black are accepted.
    """
    low, high = _extremes(images)
    if images.dtype == np.uint8:
        if high == 1:
            raise InputError(
                f"{name}: 8-bit images of nothing but 0 and 1; is 1 white, or nearly black? 8-bit"
                " pixels run from 0 to 255: multiply by 255, or give floating-point images"
            )
    elif not np.isfinite([low, high]).all():
        first, count = _such(images, lambda block: ~np.isfinite(block))
        raise InputError(
            f"{name}: image {first} holds NaN or infinite pixels"
            f" ({count} such images); remove or repair them"
        )


def _check_range(name: str, images: NDArray[Any], input_range: tuple[float, float]) -> None:
    low, high = map(images.dtype.type, input_range)  # As the pixels are compared with them.
    least, most = _extremes(images)
    if low <= least and most <= high:
        return
    first, count = _such(images, lambda block: (block < low) | (block > high))
    values = images[first]
    raise InputError(
        f"{name}: image {first}: values in [{values.min():g}, {values.max():g}], outside the"
        f" declared input range [{low:g}, {high:g}] ({count} such images); rescale"
        " the data (8-bit images: divide by 255) or declare model.input_range"
    )


def _extremes(images: NDArray[Any] | LazyImages) -> tuple[float, float]:
    """Least and greatest stored value; NaN where a pixel is."""
    if isinstance(images, LazyImages):
        return images.survey.low, images.survey.high
    return float(images.min()), float(images.max())


def _such(
    images: NDArray[Any] | LazyImages, wrong: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> tuple[int, int]:
    """The first image with a pixel for which ``wrong`` holds, and the number of such images."""
    blocks = images.blocks() if isinstance(images, LazyImages) else [images]
    found = np.concatenate([wrong(block).any(axis=(1, 2, 3)) for block in blocks])
    return int(np.flatnonzero(found)[0]), int(found.sum())


def _check_names(name: str, classes: tuple[str, ...]) -> None:
    if len(set(classes)) < len(classes):
        twice = next(called for called in classes if classes.count(called) > 1)
        raise InputError(f"{name}: two classes have the name {twice!r}; rename one")


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

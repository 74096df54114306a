"""Search for image files in folders of classes and splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import reading, require_memory
from gsmooth.data.image_file import SUFFIXES, read_picture
from gsmooth.data.preparation import Preparation
from gsmooth.data.splits import SPLIT_NAMES
from gsmooth.errors import InputError

_READ = "png, jpg, bmp, ppm, pgm, webp and tif"


@final
@dataclass(frozen=True)
class ImageFiles:
    """The image files of a folder, class by class.

    Args:
        paths: The files, sorted by name in each class.
        labels: Positions in ``classes``, (N,), int64.
        classes: Names of the classes.
        notices: Notices to the user about files that were not read.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    notices: tuple[str, ...]


def split_folders(folder: Path, asked: str | None = None) -> dict[str, Path]:
    """Find the sub-folders that are splits, each with one folder for each class.

    A folder with a usual name of a split, such as ``train``, is a class if it contains images
    itself and there are other classes beside it.

    Args:
        folder: The folder.
        asked: A name of a split, in addition to the usual ones.

    Returns:
        Paths of the splits by name; empty if the sub-folders are classes.

    Raises:
        InputError: The sub-folders could be splits or classes.
    """
    with reading(folder):
        inside = {place: _look(place) for place in _visible_folders(folder)}
    called = {p for p in inside if p.name in (*SPLIT_NAMES, asked)}
    deep = [p for p in inside if p in called and _holds_classes(inside[p])]
    others = [p for p, held in inside.items() if p not in called and _holds_any(held)]
    if deep and others:
        raise InputError(
            f"data {folder}: is {deep[0].name!r}, which holds folders of images, a split or a"
            f" class? {others[0].name!r} stands beside it; name the folder of the classes itself,"
            f" e.g. {deep[0]}, or move one of them elsewhere"
        )
    if called and not deep and not others:
        names = ", ".join(sorted(p.name for p in called))
        raise InputError(
            f"data {folder}: are its folders ({names}) splits or classes? They hold no folders of"
            " classes, as splits do; put one folder a class into each, or rename them"
        )
    return {p.name: p for p in deep}


def image_files(folder: Path) -> ImageFiles:
    """Find the images in the sub-folders of ``folder``, one for each class.

    A class without files keeps its number.

    Raises:
        InputError: There are no classes, the folder of a class contains folders, or a class has
            only files of other formats.
    """
    with reading(folder):
        own = _look(folder)
        if not own.folders:
            raise InputError(
                f"data {folder}: no sub-folders; expected one a class, with its images in it"
                f" (if {folder.name!r} is such a class itself, name the folder above it)"
            )
        held = [_look(place) for place in own.folders]
    for place, inside in zip(own.folders, held, strict=True):
        _require_flat(place, inside)
    images = tuple(path for inside in held for path in inside.images)
    if not images:
        raise InputError(f"data {folder}: none of its class folders holds an image ({_READ})")
    labels = np.repeat(np.arange(len(held)), [len(inside.images) for inside in held])
    classes = tuple(place.name for place in own.folders)
    return ImageFiles(images, labels.astype(np.int64), classes, _notices(own, held, classes))


def stacked(paths: Sequence[Path], preparation: Preparation) -> NDArray[np.uint8]:
    """Read image files as uint8 (N, C, H, W).

    Args:
        paths: The files.
        preparation: Changes of the images after they are read.

    Raises:
        InputError: Sizes or channels differ; the message names two files.
    """
    first = read_picture(paths[0], preparation)
    shape = (len(paths), *first.shape)
    require_memory(int(np.prod(shape)), str(paths[0].parent.parent))
    images = np.empty(shape, dtype=np.uint8)
    images[0] = first
    for position, path in enumerate(paths[1:], start=1):
        pixels = read_picture(path, preparation)
        if pixels.shape != first.shape:
            raise other_size(path, pixels.shape, paths[0], first.shape)
        images[position] = pixels
    return images


def other_size(
    path: Path, shape: tuple[int, ...], first: Path, expected: tuple[int, ...]
) -> InputError:
    """Return the error for a file whose image has another shape (C, H, W) than the first one."""
    return InputError(
        f"data {path}: (C, H, W) = {shape}, but {first} has {expected}; {_remedy(shape, expected)}"
    )


@final
@dataclass(frozen=True)
class _Content:
    """The entries of a folder except hidden ones, sorted by name."""

    images: tuple[Path, ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]


def _look(folder: Path) -> _Content:
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    kinds = [(p, p.is_dir(), p.suffix.lower() in SUFFIXES) for p in entries]
    return _Content(
        images=tuple(p for p, folder, image in kinds if image and not folder),
        folders=tuple(p for p, folder, _ in kinds if folder),
        others=tuple(p for p, folder, image in kinds if not image and not folder),
    )


def _visible_folders(folder: Path) -> tuple[Path, ...]:
    return _look(folder).folders


def _holds_classes(inside: _Content) -> bool:
    return any(_look(place).images for place in inside.folders)


def _holds_any(inside: _Content) -> bool:
    return bool(inside.images) or _holds_classes(inside)


def _require_flat(place: Path, inside: _Content) -> None:
    for nested in inside.folders:
        if _holds_any(_look(nested)):
            raise InputError(
                f"data {nested}: a folder of images inside that of the class {place.name!r}; put"
                f" the images into {place} itself, or name the folder that holds the classes"
            )
    if not inside.images and inside.others:
        raise InputError(
            f"data {place}: none of its {len(inside.others)} files is read ({_kinds(inside.others)}"
            f"); {_READ} files are. Convert them, or move the folder elsewhere if it is no class"
        )


def _notices(own: _Content, held: Sequence[_Content], classes: Sequence[str]) -> tuple[str, ...]:
    said = []
    outside = (*own.images, *own.others)
    if outside:
        said.append(f"{_files(outside)} beside the class folders passed over ({_kinds(outside)})")
    inside = [path for content in held for path in content.others]
    if inside:
        said.append(f"{_files(inside)} of other formats passed over ({_kinds(inside)})")
    nested = sum(len(content.folders) for content in held)
    if nested:
        folders = "1 folder" if nested == 1 else f"{nested} folders"
        said.append(f"{folders} without images inside class folders passed over")
    empty = [name for name, inside in zip(classes, held, strict=True) if not inside.images]
    if empty:
        few = ", ".join(map(repr, empty[:3])) + (", ..." if len(empty) > 3 else "")
        said.append(f"{len(empty)} of {len(classes)} classes without images: {few}")
    return tuple(said)


def _files(paths: Sequence[Path]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"


def _kinds(paths: Sequence[Path]) -> str:
    counted = Counter(path.suffix.lower() or "no suffix" for path in paths).most_common()
    few = ", ".join(f"{count} {suffix}" for suffix, count in counted[:3])
    return few + (", ..." if len(counted) > 3 else "")


def _remedy(shape: tuple[int, ...], first: tuple[int, ...]) -> str:
    if shape[0] != first[0]:
        return "bring all to one number of channels: save them all as grey, or all as RGB"
    return (
        "bring them to one size, e.g. by --set data.resize=[H,W], or by --set data.resize=SIDE"
        " --set data.crop=SIDE"
    )

"""FolderLook: what is in a folder of images, before anything is trained on it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from gsmooth.data.boundary import reading
from gsmooth.data.folder import ImageFiles, split_folders
from gsmooth.data.image_file import read_picture
from gsmooth.data.loading import folder_files
from gsmooth.data.preparation import Preparation
from gsmooth.data.settings import DATA
from gsmooth.data.splits import ALL
from gsmooth.errors import InputError

TRACKS: Final = r"^(.+)[_-]\d+\.[^.]+$"
"""Files of one track: the same name but for the number at its end (``CLASS/00007_00012.png``)."""
_WHITE: Final = (255, 255, 255)


@final
@dataclass(frozen=True)
class FolderLook:
    """What a folder of images holds.

    Args:
        folder: The folder that was named.
        split: The split that was looked at; "all" for a folder without splits.
        splits: Names of all splits.
        files: The images of the split, classes in turn.
        shapes: How many of the images that were read have each shape (C, H, W).
        transparent: Whether some have transparent pixels.
        unreadable: What is wrong with images, a sentence each.
        groups: A pattern for names of tracks of near copies; None where there are none.
    """

    folder: Path
    split: str
    splits: tuple[str, ...]
    files: ImageFiles
    shapes: Counter[tuple[int, int, int]]
    transparent: bool
    unreadable: tuple[str, ...]
    groups: str | None

    @property
    def counts(self) -> dict[str, int]:
        """Images of every class."""
        found = np.bincount(self.files.labels, minlength=len(self.files.classes)).tolist()
        return dict(zip(self.files.classes, found, strict=True))

    @property
    def channels(self) -> tuple[int, ...]:
        """The numbers of channels that occur."""
        return tuple(sorted({shape[0] for shape in self.shapes}))

    @property
    def sides(self) -> tuple[int, int]:
        """The least and the greatest side in pixels."""
        every = [side for shape in self.shapes for side in shape[1:]]
        return min(every), max(every)

    @property
    def mixed(self) -> bool:
        """Whether images have different heights or widths."""
        return len({shape[1:] for shape in self.shapes}) > 1

    @property
    def tracks(self) -> int:
        """The number of groups that ``groups`` makes."""
        return 0 if self.groups is None else len(_tracks(_names(self.files.paths)))


def look_at(folder: Path, seconds: float) -> FolderLook:
    """Look at a folder of images: as many files as there is time for, spread over all of them.

    Args:
        folder: One sub-folder a class, or one a split with those inside.
        seconds: Time for the reading of images; at least 64 are read.

    Raises:
        InputError: It is no folder, or holds no images in folders of classes.
    """
    if not folder.is_dir():
        raise InputError(
            f"data {folder}: no such folder; expected one sub-folder of images a class (gsmooth"
            " tune -d looks at other data, such as .npz files)"
        )
    with reading(folder):
        splits = tuple(split_folders(folder))
    chosen = "train" if "train" in splits else (splits[0] if splits else None)
    _, split, files = folder_files(folder, chosen, ALL)
    shapes: Counter[tuple[int, int, int]] = Counter()
    unreadable, transparent, ends = [], False, time.monotonic() + seconds
    for done, path in enumerate(_spread(files.paths)):
        if done >= DATA.looked_at_least and time.monotonic() > ends:
            break
        try:
            shape, clear = _shape(path)
        except InputError as error:
            unreadable.append(str(error))
            continue
        shapes[shape] += 1
        transparent |= clear
    groups = TRACKS if _has_tracks(files) else None
    return FolderLook(folder, split, splits, files, shapes, transparent, tuple(unreadable), groups)


def _spread(paths: Sequence[Path]) -> Iterator[Path]:
    """All paths, so that the first of them are spread over the folder; the same in every call."""
    for place in np.random.default_rng(0).permutation(len(paths)).tolist():
        yield paths[place]


def _shape(path: Path) -> tuple[tuple[int, int, int], bool]:
    """(C, H, W) and whether pixels are transparent; InputError as :func:`read_picture`."""
    try:
        pixels, clear = read_picture(path), False
    except InputError as error:
        if "transparent" not in str(error):
            raise
        pixels, clear = read_picture(path, Preparation(background=_WHITE)), True
    channels, height, width = pixels.shape
    return (channels, height, width), clear


def _names(paths: Sequence[Path]) -> list[str]:
    """``CLASS/NAME.png``, in which the patterns of groups are searched for."""
    return [f"{path.parent.name}/{path.name}" for path in paths]


def _tracks(names: Sequence[str]) -> Counter[str]:
    matches = (re.search(TRACKS, name) for name in names)
    return Counter(match[1] for match in matches if match is not None)


def _has_tracks(files: ImageFiles) -> bool:
    """Whether every name ends in a number, and each class has several tracks of several images."""
    names = _names(files.paths)
    found = _tracks(names)
    classes = {name.partition("/")[0] for name in names}
    several = len(found) >= 2 * len(classes)
    return sum(found.values()) == len(names) and several and len(names) >= 3 * len(found)

"""Groups of images that are near copies of each other, such as the frames of one track."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.archive import ArrayStore, is_array_folder, opened_arrays
from gsmooth.data.boundary import reading
from gsmooth.data.loading import folder_files
from gsmooth.data.splits import ALL
from gsmooth.errors import ConfigurationError, InputError

_COLUMNS: Final = ("file", "group")


def image_groups(spec: str, split: str, groups: str) -> NDArray[np.int64]:
    """Return the number of the group of every image, in the order of :func:`load_data`.

    Args:
        spec: Spec of the data: an ``.npz`` file or a folder.
        split: The split; "all" for data without splits.
        groups: Of an ``.npz`` file the name of an array with one entry for each image (with splits,
            ``NAME_SPLIT`` or ``NAME``). Of a folder a ``.csv`` file with the columns ``file``
            (``CLASS/NAME.png``, below the folder of the classes) and ``group``, or a pattern with
            one group in parentheses, searched for in ``CLASS/NAME.png``.

    Raises:
        ConfigurationError: The data are of another kind, or have no such array.
        InputError: An image has no group.
    """
    path = Path(spec).expanduser()
    if path.suffix.lower() == ".npz" or is_array_folder(path):
        store = opened_arrays(path)
        names: Sequence[Any] | NDArray[Any] = _from_archive(store, split, groups)
    elif path.is_dir():
        named = None if split == ALL else split
        place, _, found = folder_files(path, named, split)
        files = [file.relative_to(place).as_posix() for file in found.paths]
        is_table = groups.lower().endswith(".csv")
        names = _from_table(files, Path(groups)) if is_table else _by_pattern(files, groups)
    else:
        raise ConfigurationError(
            f"train.groups={groups}: data {spec!r} are neither an .npz file nor a folder; leave it"
            " out, or call gsmooth.train with groups=[...]"
        )
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)


def _from_archive(archive: ArrayStore, split: str, groups: str) -> NDArray[Any]:
    for name in (f"{groups}_{split}", groups):
        if name in archive.names:
            return archive.array(name)
    raise ConfigurationError(
        f"train.groups={groups}: {archive.path} has no array of this name; it holds"
        f" {', '.join(archive.names)}"
    )


def _from_table(files: Sequence[str], table: Path) -> list[str]:
    with reading(table), table.expanduser().open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        if not set(_COLUMNS) <= set(reader.fieldnames or ()):
            raise InputError(
                f"train.groups={table}: its first line names the columns"
                f" {', '.join(reader.fieldnames or ()) or '(none)'}; expected file and group"
            )
        known: Mapping[str, str] = {row["file"]: row["group"] for row in reader}
    if missing := [file for file in files if file not in known]:
        raise InputError(f"train.groups={table}: {missing[0]} has no line ({len(missing)} such)")
    return [known[file] for file in files]


def _by_pattern(files: Sequence[str], pattern: str) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"train.groups={pattern}: not a pattern: {error}") from error
    if compiled.groups != 1:
        raise ConfigurationError(
            f"train.groups={pattern}: it has {compiled.groups} groups in parentheses; expected one,"
            r" such as (track\d+)_"
        )
    found = [compiled.search(file) for file in files]
    if missing := [file for file, match in zip(files, found, strict=True) if match is None]:
        raise InputError(
            f"train.groups={pattern}: {missing[0]} does not contain it ({len(missing)} such files)"
        )
    return [str(match[1]) for match in found if match is not None]

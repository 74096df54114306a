"""Images of the evidence: splits of our own, made once from files that the user names.

What is held out depends on order and names alone: every tenth tile of a class, every fifth track of
a class, every twentieth digit of the test file.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.suite.data import arrays, sign_tests, signs_to_train
from gsmooth.runs.records.files import make_folder

CANVAS_PX: Final = 4
"""Black pixels around a digit of ``mnist-canvas``, on every side."""


def prepared(name: str, folder: Path, files: Sequence[Path]) -> Path:
    """The images of that name in ``folder``; ends the program where files are missing."""
    found, (make, count) = folder / place(name), MAKERS[name]
    if not found.exists():
        if len(files) != count:
            kind = name.partition("-")[0]
            raise SystemExit(f"--{kind}, or GSMOOTH_{kind.upper()}: expected {count} file(s)")
        make_folder(folder)
        unfinished = folder / f"unfinished-{found.name}"
        make(unfinished, *files)
        unfinished.rename(found)
    return found


def place(name: str) -> str:
    """The name of the file or folder of images."""
    return name if name == "eurosat" else f"{name}.npz"


def eurosat(out: Path, packed: Path) -> None:
    """A folder of classes in a tar file -> folders train and heldout of classes."""
    shutil.rmtree(out, ignore_errors=True)
    with tarfile.open(packed) as archive:
        archive.extractall(out / "all", filter="data")
    for first in sorted({file.parent for file in out.rglob("*.jpg")}):
        for number, file in enumerate(sorted(first.glob("*.jpg"))):
            goal = out / ("heldout" if number % 10 == 9 else "train") / first.name
            make_folder(goal)
            file.rename(goal / file.name)
    shutil.rmtree(out / "all")


def signs(out: Path, file: Path) -> None:
    """x, y and track -> all frames of four tracks in five, and one frame of each other track."""
    found, held = arrays(file, "x", "y", "track"), sign_tests(file)
    part = signs_to_train(found)
    x, y, track = (found[name][part] for name in ("x", "y", "track"))
    images = {"x_train": x, "x_heldout": held.images.transpose(0, 2, 3, 1)}
    np.savez(out, y_train=y, track_train=track, y_heldout=held.labels, **_arrays(images))


def mnist(out: Path, train: Path, test: Path, border: int = 0) -> None:
    """The training file, and 500 images of the test file; on a larger canvas with a border."""
    own, held = arrays(train, "x", "y"), arrays(test, "x", "y")
    around = ((0, 0), (border, border), (border, border))
    images = {"x_train": np.pad(own["x"], around), "x_heldout": np.pad(held["x"][::20], around)}
    np.savez(out, y_train=own["y"], y_heldout=held["y"][::20], **_arrays(images))


def _arrays(images: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return images


def canvas(out: Path, train: Path, test: Path) -> None:
    """Digits with a black border."""
    mnist(out, train, test, CANVAS_PX)


MAKERS: Final[Mapping[str, tuple[Callable[..., None], int]]] = {
    "eurosat": (eurosat, 1),
    "signs": (signs, 1),
    "mnist": (mnist, 2),
    "mnist-canvas": (canvas, 2),
}
"""What makes images, and of how many files."""

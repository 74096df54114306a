"""Which images train, choose and test: from two .npz files to arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.dataset import Dataset, dataset_from_arrays, interleaved
from gsmooth.errors import InputError

CHOOSE_EVERY = 20
"""Every so many digits of the training file are kept for choosing settings, never trained on."""


@dataclass(frozen=True)
class Parts:
    """Images to train on, and images for choosing settings."""

    training: Dataset
    choosing: Dataset


def digit_parts(path: Path) -> Parts:
    """A file of x and y: every 20th image is for choosing, the others train."""
    arrays = _arrays(path, ("x", "y"))
    place = np.arange(len(arrays["y"]))
    kept = place % CHOOSE_EVERY == 0
    return Parts(_part(path, arrays, place[~kept]), _part(path, arrays, place[kept]))


def sign_parts(path: Path) -> Parts:
    """A file of x, y and track: no track of :func:`sign_tests` and none for choosing trains."""
    arrays = _arrays(path, ("x", "y", "track"))
    rank = _rank_of_track(arrays["y"], arrays["track"])
    training = np.flatnonzero((rank % 5 != 4) & (rank % 10 != 2))
    return Parts(_part(path, arrays, training), _one_a_track(path, arrays, rank % 10 == 2))


def sign_tests(path: Path, limit: int = 200) -> Dataset:
    """``limit`` images of every fifth track of each class: one frame a track, classes in turn."""
    arrays = _arrays(path, ("x", "y", "track"))
    rank = _rank_of_track(arrays["y"], arrays["track"])
    return _one_a_track(path, arrays, rank % 5 == 4, limit)


def _one_a_track(
    path: Path, arrays: dict[str, NDArray[Any]], held: NDArray[np.bool_], limit: int | None = None
) -> Dataset:
    """The n-th of the held tracks gives frame n modulo its length: near and far signs alike."""
    tracks, track = np.unique(arrays["track"][held]), arrays["track"]
    frames = [np.flatnonzero(track == name) for name in tracks]
    chosen = np.array([frame[n % len(frame)] for n, frame in enumerate(frames)])
    order = interleaved(arrays["y"][chosen].astype(np.int64))
    return _part(path, arrays, chosen[order][:limit])


def _rank_of_track(labels: NDArray[Any], track: NDArray[Any]) -> NDArray[np.intp]:
    """Of every image, the place of its track among the tracks of its class, in order of names."""
    rank = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        members = labels == label
        rank[members] = np.unique(track[members], return_inverse=True)[1]
    return rank


def _part(path: Path, arrays: dict[str, NDArray[Any]], chosen: NDArray[np.intp]) -> Dataset:
    classes = tuple(str(label) for label in range(int(arrays["y"].max()) + 1))
    return dataset_from_arrays(str(path), arrays["x"][chosen], arrays["y"][chosen], classes)


def _arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        if missing := [name for name in names if name not in archive.files]:
            raise InputError(f"data {path}: it has no array {', '.join(missing)}")
        return {name: archive[name] for name in names}

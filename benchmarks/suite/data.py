"""Images of benchmarks: digits by split, pictures, and .npz files.

No image is in two parts of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth import load_data
from gsmooth.data.dataset import Dataset, dataset_from_arrays, interleaved
from gsmooth.errors import InputError

CHOOSING: Final = 200
"""So many of the shipped training digits, 20 a class, are kept for choosing settings."""


def digits(split: str) -> Dataset:
    """Split "training" or "choosing": together the shipped training digits, classes in turn."""
    whole = load_data("shipped:digits", "train")
    start = len(whole) - CHOOSING
    parts = {"training": slice(0, start), "choosing": slice(start, None)}
    if split not in parts:
        raise InputError(f"split {split!r}: expected one of {', '.join(parts)}")
    part = parts[split]
    return Dataset(f"digits/{split}", whole.images[part], whole.labels[part], whole.classes)


def tensors(part: Dataset) -> tuple[Tensor, Tensor]:
    """Inputs (N, C, H, W) float32 in the range of the network, and labels (N,) int64."""
    scale = np.float32(255.0 if part.images.dtype == np.uint8 else 1.0)
    return torch.from_numpy(part.images.astype(np.float32) / scale), torch.from_numpy(part.labels)


def arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file; InputError where one of ``names`` is missing."""
    with np.load(path, allow_pickle=False) as archive:
        if missing := [name for name in names if name not in archive.files]:
            raise InputError(f"data {path}: it has no array {', '.join(missing)}")
        return {name: archive[name] for name in archive.files}


def pictures(split: str) -> Dataset:
    """Four smooth colour pictures of ``split`` x ``split`` pixels."""
    images = torch.stack([picture(int(split), seed) for seed in range(4)]).numpy()
    return Dataset(f"pictures/{split}", images, np.zeros(4, dtype=np.int64), ("none",))


def picture(size: int, seed: int = 0) -> Tensor:
    """A smooth colour picture, float64 (3, size, size) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=generator)
    return torch.nn.functional.interpolate(rough, (size, size), mode="bilinear")[0]


Parts = tuple[Dataset, Dataset]
"""Images to train on, and images for choosing settings."""
CHOOSE_EVERY: Final = 20
"""Every so many digits of the training file are kept for choosing settings, never trained on."""


def digit_parts(path: Path) -> Parts:
    """A file of x and y: every 20th image is for choosing, the others train."""
    found = arrays(path, "x", "y")
    place = np.arange(len(found["y"]))
    kept = place % CHOOSE_EVERY == 0
    return (_part(path, found, place[~kept]), _part(path, found, place[kept]))


def sign_parts(path: Path) -> Parts:
    """A file of x, y and track: no track of :func:`sign_tests` and none for choosing trains."""
    found = arrays(path, "x", "y", "track")
    rank = _rank_of_track(found["y"], found["track"])
    training = np.flatnonzero((rank % 5 != 4) & (rank % 10 != 2))
    return (_part(path, found, training), _one_a_track(path, found, rank % 10 == 2))


def sign_tests(path: Path, limit: int = 200) -> Dataset:
    """``limit`` images of every fifth track of each class: one frame a track, classes in turn."""
    found = arrays(path, "x", "y", "track")
    rank = _rank_of_track(found["y"], found["track"])
    return _one_a_track(path, found, rank % 5 == 4, limit)


def signs_to_train(found: Mapping[str, NDArray[Any]]) -> NDArray[np.intp]:
    """Places of the images of no track of :func:`sign_tests`."""
    return np.flatnonzero(_rank_of_track(found["y"], found["track"]) % 5 != 4)


def _one_a_track(
    path: Path, found: dict[str, NDArray[Any]], held: NDArray[np.bool_], limit: int | None = None
) -> Dataset:
    """The n-th of the held tracks gives frame n modulo its length: near and far signs alike."""
    tracks, track = np.unique(found["track"][held]), found["track"]
    frames = [np.flatnonzero(track == name) for name in tracks]
    chosen = np.array([frame[n % len(frame)] for n, frame in enumerate(frames)])
    order = interleaved(found["y"][chosen].astype(np.int64))
    return _part(path, found, chosen[order][:limit])


def _rank_of_track(labels: NDArray[Any], track: NDArray[Any]) -> NDArray[np.intp]:
    """Of every image, the place of its track among the tracks of its class, in order of names."""
    rank = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        members = labels == label
        rank[members] = np.unique(track[members], return_inverse=True)[1]
    return rank


def _part(path: Path, found: dict[str, NDArray[Any]], chosen: NDArray[np.intp]) -> Dataset:
    classes = tuple(str(label) for label in range(int(found["y"].max()) + 1))
    return dataset_from_arrays(str(path), found["x"][chosen], found["y"][chosen], classes)

"""Images of benchmarks: digits by split, vowels made by a formula, pictures, and .npz files.

No image is in two parts of a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from benchmarks.suite.networks import SAMPLES, VOWELS
from gsmooth import load_data
from gsmooth.data.dataset import Dataset, dataset_from_arrays, interleaved
from gsmooth.errors import InputError

CHOOSING: Final = 200
"""So many of the shipped training digits, 20 a class, are kept for choosing settings."""
RATE_HZ: Final = 8000
PCM16: Final = 2.0**15
_WAVES = {"training": (0, 4000), "choosing": (1, CHOOSING), "heldout": (2, 1000)}
"""Seed and size of a split."""


def digits(split: str) -> Dataset:
    """Split "training" or "choosing": together the shipped training digits, classes in turn."""
    whole = load_data("shipped:digits", "train")
    start = len(whole) - CHOOSING
    parts = {"training": slice(0, start), "choosing": slice(start, None)}
    _require(split, parts)
    part = parts[split]
    return Dataset(f"digits/{split}", whole.images[part], whole.labels[part], whole.classes)


def waves(split: str) -> Dataset:
    """128 ms of one of five vowels at 8 kHz, 16 bits, of many pitches and volumes, in noise.

    (N, 1, 1, 1024) in [-1, 1), classes in turn. Splits "training", "choosing" and "heldout" have
    seeds of their own.
    """
    _require(split, _WAVES)
    seed, count = _WAVES[split]
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % VOWELS
    sound = np.stack([_vowel(int(label), draw) for label in labels])
    return Dataset(f"waves/{split}", sound[:, None, None, :], labels, tuple("aeiou"))


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


def pixels(path: Path) -> Tensor:
    """The array x of an .npz file, (N, H, W) or (N, H, W, C) uint8, as (N, C, H, W) uint8."""
    stored = torch.from_numpy(arrays(path, "x")["x"])
    return stored[:, None] if stored.ndim == 3 else stored.movedim(3, 1)


def pictures_32() -> Dataset:
    """Four smooth colour pictures of 32 x 32 pixels."""
    return _pictures(32)


def pictures_224() -> Dataset:
    """The same of 224 x 224 pixels."""
    return _pictures(224)


def picture(size: int, seed: int = 0) -> Tensor:
    """A smooth colour picture, float64 (3, size, size) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=generator)
    return torch.nn.functional.interpolate(rough, (size, size), mode="bilinear")[0]


def _pictures(size: int) -> Dataset:
    images = torch.stack([picture(size, seed) for seed in range(4)]).numpy()
    return Dataset(f"pictures/{size}", images, np.zeros(4, dtype=np.int64), ("none",))


def _require(split: str, splits: Iterable[str]) -> None:
    if split not in splits:
        raise InputError(f"split {split!r}: expected one of {', '.join(splits)}")


# First three formants in Hz: means over speakers, after Peterson and Barney (1952), rounded.
_FORMANTS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410),
             (300, 870, 2240))  # fmt: skip
_WIDTHS_HZ = (80.0, 100.0, 140.0)


def _vowel(label: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Glottal pulses through three resonators; peak .1 to .55 of full scale, 10 to 30 dB of SNR."""
    sound = _pulses(draw)
    stature = draw.uniform(0.88, 1.15)
    for formant, width in zip(_FORMANTS[label], _WIDTHS_HZ, strict=True):
        centre = min(formant * stature * draw.uniform(0.94, 1.06), 0.48 * RATE_HZ)
        sound = _resonated(sound, centre, width)
    sound /= np.sqrt(np.mean(sound**2))
    noise = draw.standard_normal(SAMPLES) * 10.0 ** (-draw.uniform(10.0, 30.0) / 20.0)
    sound = sound + noise
    loudness = draw.uniform(0.1, 0.55) * PCM16 / np.abs(sound).max()
    return np.asarray(np.round(sound * loudness)) / PCM16


def _pulses(draw: np.random.Generator) -> NDArray[np.float64]:
    """A pulse a period, the pitch drifting by up to 10%; SAMPLES values."""
    pitch = draw.uniform(90.0, 230.0) * (1.0 + np.linspace(0.0, draw.uniform(-0.1, 0.1), SAMPLES))
    phase = draw.uniform() + np.cumsum(pitch) / RATE_HZ
    pulses = np.diff(np.floor(phase), prepend=np.floor(phase[0]))
    # The glottis falls by 12 dB an octave and the lips raise by 6.
    return np.asarray(lfilter([1.0], [1.0, -0.9], pulses + 0.02 * draw.standard_normal(SAMPLES)))


def _resonated(
    sound: NDArray[np.float64], centre_hz: float, width_hz: float
) -> NDArray[np.float64]:
    """``sound`` through a pole pair at ``centre_hz``."""
    size = np.exp(-np.pi * width_hz / RATE_HZ)
    turn = 2.0 * np.pi * centre_hz / RATE_HZ
    return np.asarray(lfilter([1.0], [1.0, -2.0 * size * np.cos(turn), size**2], sound))


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

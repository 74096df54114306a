"""What the networks are trained, chosen and tested on: shipped digits, and vowels made here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.plugins.networks import SAMPLES, VOWELS
from gsmooth import load_data
from gsmooth.data.dataset import Dataset
from gsmooth.errors import InputError

CHOOSING: Final = 200
"""So many of the shipped training digits, 20 a class, are kept for choosing settings."""
RATE_HZ: Final = 8000
PCM16: Final = 2.0**15
_WAVES = {"training": (0, 4000), "choosing": (1, CHOOSING), "heldout": (2, 1000)}
"""Seed and size of a split."""


@final
@dataclass(frozen=True)
class Subject:
    """What a cell is about: images, shape and range, and the factories of its network.

    sources: data specs by split, "choosing" and "heldout"; each names its own split.
    """

    name: str
    factory: str
    shape: tuple[int, int, int]
    input_range: tuple[float, float]
    classes: int
    sources: dict[str, str]


DIGITS: Final = Subject(
    "digits",
    "benchmarks.plugins.networks:digits",
    (1, 28, 28),
    (0.0, 1.0),
    10,
    {"choosing": "benchmarks.plugins.subjects:digits", "heldout": "shipped:digits"},
)
FAINT: Final = replace(
    DIGITS, name="faint digits", factory="benchmarks.plugins.networks:faint_digits"
)
"""The same digits for a network that looks at low frequencies alone."""
TORUS: Final = replace(
    DIGITS, name="torus digits", factory="benchmarks.plugins.networks:torus_digits"
)
"""The same digits for a network to which opposite edges are joined."""
WAVES: Final = Subject(
    "waves",
    "benchmarks.plugins.networks:waves",
    (1, 1, SAMPLES),
    (-1.0, 1.0),
    VOWELS,
    {
        "choosing": "benchmarks.plugins.subjects:waves",
        "heldout": "benchmarks.plugins.subjects:waves",
    },
)


def digits(split: str) -> Dataset:
    """Split "training" or "choosing": together the shipped training digits, classes in turn."""
    whole = load_data("shipped:digits", "train")
    start = len(whole) - CHOOSING
    parts = {"training": slice(0, start), "choosing": slice(start, None)}
    if split not in parts:
        raise InputError(f"split {split!r}: expected one of {', '.join(parts)}")
    part = parts[split]
    return Dataset(f"digits/{split}", whole.images[part], whole.labels[part], whole.classes)


def waves(split: str) -> Dataset:
    """128 ms of one of five vowels at 8 kHz, 16 bits, of many pitches and volumes, in noise.

    (N, 1, 1, 1024) in [-1, 1), classes in turn. Splits "training", "choosing" and "heldout" have
    seeds of their own.
    """
    if split not in _WAVES:
        raise InputError(f"split {split!r}: expected one of {', '.join(_WAVES)}")
    seed, count = _WAVES[split]
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % VOWELS
    sound = np.stack([_vowel(int(label), draw) for label in labels])
    return Dataset(f"waves/{split}", sound[:, None, None, :], labels, tuple("aeiou"))


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

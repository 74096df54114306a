"""Generated clips: vowels and consonants from formants, and what is no speech; seeded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from examples.audio.silero import FRAME, RATE_HZ

Wave = NDArray[np.float64]

SAMPLES: Final = 16 * FRAME
"""Samples of a clip: 0.512 s."""
_PEAK_DB: Final = (-20.0, -4.0)  # From full scale: the loudest are clipped by 2 dB at +6 dB.
_ROOM: Final = 1e-3
# First three formants in Hz of ten vowels (Peterson and Barney 1952, men's means).
_VOWELS: Final = (
    (270, 2290, 3010),
    (390, 1990, 2550),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (730, 1090, 2440),
    (570, 840, 2410),
    (440, 1020, 2240),
    (300, 870, 2240),
    (640, 1190, 2390),
    (490, 1350, 1690),
)
_BANDWIDTHS_HZ: Final = (60.0, 90.0, 150.0)


def clip(label: int, rng: np.random.Generator) -> Wave:
    """A clip (8192,) in [-1, 1]: speech-like where ``label`` is 1, else something else."""
    wave = _speech(rng) if label else _OTHERS[rng.integers(len(_OTHERS))](rng)
    peak = 10.0 ** (rng.uniform(*_PEAK_DB) / 20.0)
    quiet = _ROOM * rng.standard_normal(SAMPLES)
    return np.asarray(wave / np.abs(wave).max() * peak + quiet)


def _speech(rng: np.random.Generator) -> Wave:
    """Three or four syllables on one breath: glides from vowel to vowel, some after a hiss."""
    pitch_hz = rng.uniform(90.0, 220.0)
    count = int(rng.integers(3, 5))
    lengths = np.diff(np.linspace(0, SAMPLES, count + 1).astype(int))
    return np.concatenate([_syllable(int(n), pitch_hz, rng) for n in lengths])


def _syllable(samples: int, pitch_hz: float, rng: np.random.Generator) -> Wave:
    start, end = rng.choice(len(_VOWELS), size=2, replace=False)
    hiss = int(samples * rng.uniform(0.1, 0.25))
    voiced = samples - hiss
    fall = np.linspace(1.1, 0.9, voiced) * pitch_hz * rng.uniform(0.9, 1.1)
    source = _pulses(fall, rng) + 0.02 * rng.standard_normal(voiced)
    glide = np.linspace(0.0, 1.0, -(-voiced // 80))
    formants = np.outer(1.0 - glide, _VOWELS[start]) + np.outer(glide, _VOWELS[end])
    vowel = _resonate(source, formants) * np.sin(np.linspace(0.2, np.pi - 0.2, voiced))
    breath = 0.15 * _band(rng.standard_normal(hiss), 2500.0, rng)
    return np.concatenate([breath, vowel / np.abs(vowel).max()])


def _pulses(pitch_hz: Wave, rng: np.random.Generator) -> Wave:
    """Glottal pulses at a pitch (n,), jittered by 1% and smoothed to -12 dB an octave."""
    turns = np.cumsum(pitch_hz * (1.0 + 0.01 * rng.standard_normal(len(pitch_hz)))) / RATE_HZ
    beats = np.diff(np.floor(turns), prepend=0.0)
    return np.asarray(lfilter([1.0, -1.0], np.poly([0.95, 0.95]), beats))


def _resonate(source: Wave, formants: Wave) -> Wave:
    """``source`` (n,) through three resonators in a row, set anew every 80 samples (5 ms)."""
    wave = source
    for number, bandwidth_hz in enumerate(_BANDWIDTHS_HZ):
        state, parts = np.zeros(2), []
        for block, hertz in enumerate(formants[:, number]):
            poles = _poles(hertz, bandwidth_hz)
            part = wave[80 * block : 80 * (block + 1)]
            done, state = lfilter([poles.sum()], poles, part, zi=state)
            parts.append(done)
        wave = np.concatenate(parts)
    return wave


def _poles(centre_hz: float, bandwidth_hz: float) -> Wave:
    """Denominator of a resonator: 1 - 2 r cos(w) / z + r^2 / z^2."""
    r = np.exp(-np.pi * bandwidth_hz / RATE_HZ)
    return np.array([1.0, -2.0 * r * np.cos(2.0 * np.pi * centre_hz / RATE_HZ), r * r])


def _band(noise: Wave, least_hz: float, rng: np.random.Generator) -> Wave:
    """Noise around a frequency from ``least_hz`` up, with peak 1."""
    poles = _poles(rng.uniform(least_hz, 2.0 * least_hz), 800.0)
    wave = np.asarray(lfilter([1.0, -1.0], poles, noise))
    return np.asarray(wave / np.abs(wave).max())


def _noise(rng: np.random.Generator) -> Wave:
    """Noise that falls by 0 to 6 dB an octave: a hiss, rain, wind."""
    white = rng.standard_normal(SAMPLES)
    return np.asarray(lfilter([1.0], [1.0, -rng.uniform(0.0, 0.98)], white))


def _hum(rng: np.random.Generator) -> Wave:
    """Mains hum: 50 or 60 Hz and its multiples, steady."""
    order = np.arange(1, 7)[:, None]
    phase = rng.uniform(0.0, 2.0 * np.pi, (6, 1))
    return np.asarray((np.sin(_angle(rng.choice([50.0, 60.0])) * order + phase) / order).sum(0))


def _tones(rng: np.random.Generator) -> Wave:
    """Two steady tones, as of a telephone's keys."""
    low, high = rng.uniform(600.0, 1000.0), rng.uniform(1200.0, 3000.0)
    return np.asarray(np.sin(_angle(low)) + np.sin(_angle(high)))


def _sweep(rng: np.random.Generator) -> Wave:
    """A tone that rises from some 1 to some 5 kHz."""
    rise = np.geomspace(rng.uniform(800.0, 1500.0), rng.uniform(4000.0, 6000.0), SAMPLES)
    return np.sin(2.0 * np.pi * np.cumsum(rise) / RATE_HZ)


def _knocks(rng: np.random.Generator) -> Wave:
    """Knocks: noise that dies away within 20 ms, a few times."""
    hits = np.zeros(SAMPLES)
    hits[rng.choice(SAMPLES - 2000, size=4, replace=False)] = 1.0
    tail = rng.standard_normal(1000) * np.exp(-np.arange(1000) / 150.0)
    return np.convolve(hits, tail)[:SAMPLES]


def _angle(hertz: float) -> Wave:
    return np.asarray(2.0 * np.pi * hertz * np.arange(SAMPLES) / RATE_HZ)


_OTHERS: Final[tuple[Callable[[np.random.Generator], Wave], ...]] = (
    _noise,
    _hum,
    _tones,
    _sweep,
    _knocks,
)

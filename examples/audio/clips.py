"""Clips for gsmooth: ``examples.audio.clips:clips`` is a data spec, its splits are the sources."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from examples.audio.recordings import RECORDINGS
from examples.audio.waveforms import Wave, clip
from gsmooth.errors import InputError

SPLITS: Final = ("generated", *RECORDINGS)
_GENERATED: Final = 200
_SEED: Final = 16_000


def clips(split: str) -> tuple[Wave, NDArray[np.int64]]:
    """Waveforms (N, 1, 1, 8192) float64 and labels (N,), 0 no speech, 1 speech, in turn if both.

    ``generated``: 200 clips, each from a seed of its own. ``utterance``, ``conversation``: recorded
    ones. InputError for another split, and where the package of a recording is not installed.
    """
    if split not in SPLITS:
        raise InputError(f"clips: unknown split {split!r}; there are {', '.join(SPLITS)}")
    if split == "generated":
        labels = np.arange(_GENERATED) % 2
        waves = [clip(int(y), np.random.default_rng((_SEED, i))) for i, y in enumerate(labels)]
    else:
        found = [RECORDINGS[split].clips(label) for label in range(2)]
        # In turn, as many of each; a recording that is all speech is taken whole.
        count = min(map(len, found)) or max(map(len, found))
        pairs = [(y, wave) for y, part in enumerate(found) for wave in part[:count]]
        order = np.argsort([i % count for i in range(len(pairs))], kind="stable")
        labels = np.array([pairs[i][0] for i in order])
        waves = [pairs[i][1] for i in order]
    return np.stack(waves)[:, None, None], labels.astype(np.int64)

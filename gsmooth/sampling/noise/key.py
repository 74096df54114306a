"""Where in a run a chunk of votes stands: (seed, image, purpose, centre, chunk)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

from gsmooth.sampling.noise.seed import SecretSeed, Seed

CHUNK: Final = 64
"""Votes in a chunk. Part of every vote's coordinate: changing it invalidates stored counts."""


class Stream(IntEnum):
    """What votes are for. Streams of different purposes are independent (S2)."""

    SELECTION = 0
    ESTIMATION = 1
    PREDICTION = 2
    SCREENING = 3
    ADVERSARY = 4
    BOUND = 5
    INNER = 6
    PILOT = 7
    SECOND = 8


@final
@dataclass(frozen=True)
class SampleKey:
    """Where in a run a chunk of votes stands.

    image: its index, or what :func:`gsmooth.data.image_key.image_key` gives. centre: counts the
    balls of a cover.
    """

    seed: Seed
    image: int
    stream: Stream
    centre: int
    chunk: int

    def generator(self) -> np.random.Generator:
        """The stream of theta: Philox, keyed by a hash of the coordinate: no two coincide."""
        key = int.from_bytes(self._digest(b"gsmooth-noise", 16), "little")
        return np.random.Generator(np.random.Philox(key=key))

    def pixels(self) -> np.random.Generator:
        """The stream of the pixels' noise on the host: SFC64, half the price of Philox a word.

        Its 192 bits of state are a hash of the coordinate, of another person than theta's key.
        """
        # Any ISeedSequence will do; NumPy's stubs know its own only.
        return np.random.Generator(np.random.SFC64(_Hashed(self)))  # type: ignore[arg-type]

    def device_seed(self) -> int:
        """64 bits for a generator that lives on a device."""
        return int.from_bytes(self._digest(b"gsmooth-device", 8), "little")

    def _digest(self, person: bytes, size: int) -> bytes:
        return hashlib.blake2b(self._text().encode(), digest_size=size, person=person).digest()

    def _text(self) -> str:
        seed = self.seed.reveal() if isinstance(self.seed, SecretSeed) else self.seed
        return f"{seed}/{self.image}/{int(self.stream)}/{self.centre}/{self.chunk}"


@final
class _Hashed(ISeedSequence):
    """A coordinate as the source of a bit generator's initial state."""

    def __init__(self, sample_key: SampleKey) -> None:
        self._sample_key = sample_key

    def generate_state(
        self, n_words: int, dtype: DTypeLike = np.uint32
    ) -> NDArray[np.uint32 | np.uint64]:
        """``n_words`` of the hash; at most 64 bytes."""
        kind = np.dtype(dtype)
        state = self._sample_key._digest(b"gsmooth-pixels", n_words * kind.itemsize)
        return np.frombuffer(state, kind)

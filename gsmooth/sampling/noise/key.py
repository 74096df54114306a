"""The place of a chunk of votes in a run: (seed, image, stream, centre, chunk)."""

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
"""Votes in a chunk. Part of every vote's sample key: changing it invalidates stored counts."""


class Stream(IntEnum):
    """What votes are for. Votes of different streams are independent (S2)."""

    SELECTION = 0
    ESTIMATION = 1
    PREDICTION = 2
    SCREENING = 3
    ADVERSARY = 4
    BOUND = 5
    INNER = 6
    PILOT = 7
    SECOND = 8
    POPULATION = 9
    ANSWER = 10


@final
@dataclass(frozen=True)
class SampleKey:
    """The place of a chunk of votes in a run; it determines their noise.

    Args:
        seed: Seed of the run.
        image: Index of the image, or what :func:`gsmooth.data.image_key.image_key` gives.
        stream: What the votes are for.
        centre: Number of the ball in its cover.
        chunk: Number of the chunk of 64 votes.

    Example:
        >>> key = SampleKey(seed=1, image=0, stream=Stream.ESTIMATION, centre=0, chunk=0)
        >>> bool(key.generator().normal() == key.generator().normal())
        True
    """

    seed: Seed
    image: int
    stream: Stream
    centre: int
    chunk: int

    def generator(self) -> np.random.Generator:
        """The stream of theta: Philox, keyed by a hash of the sample key."""
        key = int.from_bytes(self._digest(b"gsmooth-noise", 16), "little")
        return np.random.Generator(np.random.Philox(key=key))

    def pixels(self) -> np.random.Generator:
        """The stream of the noise on z on the host: SFC64, which takes half the time of Philox.

        Its 192 bits of state are a hash of the sample key, with another hash person than theta's
        key.
        """
        # Any ISeedSequence will do; NumPy's stubs know its own only.
        return np.random.Generator(np.random.SFC64(_Hashed(self)))  # type: ignore[arg-type]

    def device_seed(self) -> int:
        """64 bits for a generator on a device."""
        return int.from_bytes(self._digest(b"gsmooth-device", 8), "little")

    def _digest(self, person: bytes, size: int) -> bytes:
        return hashlib.blake2b(self._text().encode(), digest_size=size, person=person).digest()

    def _text(self) -> str:
        seed = self.seed.reveal() if isinstance(self.seed, SecretSeed) else self.seed
        return f"{seed}/{self.image}/{int(self.stream)}/{self.centre}/{self.chunk}"


@final
class _Hashed(ISeedSequence):
    """A sample key as the source of the initial state of a bit generator."""

    def __init__(self, sample_key: SampleKey) -> None:
        self._sample_key = sample_key

    def generate_state(
        self, n_words: int, dtype: DTypeLike = np.uint32
    ) -> NDArray[np.uint32 | np.uint64]:
        """``n_words`` of the hash; at most 64 bytes."""
        kind = np.dtype(dtype)
        state = self._sample_key._digest(b"gsmooth-pixels", n_words * kind.itemsize)
        return np.frombuffer(state, kind)

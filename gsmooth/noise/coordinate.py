"""Where in a run a chunk of votes stands: (seed, image, purpose, centre, chunk)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

import numpy as np

CHUNK: Final = 64
"""Votes in a chunk. Part of every vote's coordinate: changing it invalidates stored counts."""


class Purpose(IntEnum):
    """What votes are for. Streams of different purposes are independent (S2)."""

    SELECTION = 0
    ESTIMATION = 1
    PREDICTION = 2
    SCREENING = 3
    OPPONENT = 4
    BOUND = 5
    INNER = 6
    PILOT = 7
    SECOND = 8


@final
@dataclass(frozen=True)
class Coordinate:
    """Where in a run a chunk of votes stands. ``centre`` counts the balls of a cover."""

    seed: int
    image: int
    purpose: Purpose
    centre: int
    chunk: int

    def generator(self) -> np.random.Generator:
        """A Philox generator whose key is a hash of the coordinate, so that no two coincide."""
        text = f"{self.seed}/{self.image}/{int(self.purpose)}/{self.centre}/{self.chunk}"
        digest = hashlib.blake2b(text.encode(), digest_size=16, person=b"gsmooth-noise").digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))

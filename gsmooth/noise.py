"""Noise as a function of its coordinate: (seed, image, purpose, centre, chunk)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.theory.laws import Law

CHUNK: Final = 64
"""Votes in a chunk. Part of every vote's coordinate: changing it invalidates stored counts."""

SAMPLER: Final = "philox-blake2b-ziggurat-1"
"""Names how a coordinate becomes noise; stored with every record."""

# Beyond this tail on either side theta's float64 quantiles are too coarse to bound; the event is
# paid for as total variation instead (F1).
TAIL: Final = 1e-9


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


def draw(
    coordinate: Coordinate, law: Law, rows: int, out: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fill ``out`` (rows, K) with standard normals and return theta (rows, m) from ``law``.

    Float64 throughout: float32 noise is 24 bits wide and betrays the input (F1).
    """
    rng = coordinate.generator()
    # Midpoints of 2^-52 cells: never 0 or 1, exactly representable.
    ticks = rng.integers(0, 2**52, size=(rows, law.dimensions), dtype=np.int64)
    theta = law.theta_from_uniform((ticks + 0.5) * 2.0**-52)
    rng.standard_normal(out=out)
    return theta


@final
@dataclass(frozen=True)
class ThetaAccuracy:
    """How exactly theta is sampled.

    Outside an event of probability ``outside``, |theta_i| <= reach_i, and theta_i differs from a
    draw of the real law by at most offset_i (same quantile).
    """

    reach: tuple[float, ...]
    offset: tuple[float, ...]
    outside: float


def theta_accuracy(law: Law) -> ThetaAccuracy:
    """Reach and resolution of ``draw``'s theta between the quantiles TAIL and 1 - TAIL."""
    m = law.dimensions
    if m == 0:
        return ThetaAccuracy((), (), 0.0)
    cell = 2.0**-52
    quantile = law.theta_from_uniform(
        np.repeat([[TAIL], [TAIL - cell], [1 - TAIL], [1 - TAIL + cell]], m, axis=1)
    )
    reach = np.abs(quantile[[1, 3]]).max(axis=0)
    # The laws' densities fall towards their tails, so the widest cell is the outermost; and the
    # quantile function itself is good to a few ulps.
    gap = np.maximum(np.abs(quantile[0] - quantile[1]), np.abs(quantile[2] - quantile[3]))
    offset = 2.0 * gap + reach * 2.0**-48
    return ThetaAccuracy(tuple(reach.tolist()), tuple(offset.tolist()), 2.0 * m * TAIL)


def grid_total_variation(size: int, largest: float, sigma: float, grid: float) -> float:
    """tau: total variation between float and real noise after rounding to the grid (F1).

    size: number K of coordinates; largest: bound on |T z + noise| outside a negligible event; grid:
    the power of two that values are rounded to. d (2 eta / h + c 2^-53 sigma / h), with
    eta = 2^-52 largest for the product and the sum, and c = 10 for 52-bit ziggurat normals.
    """
    eta = 2.0**-52 * largest
    return size * (2.0 * eta + 10.0 * 2.0**-53 * sigma) / grid

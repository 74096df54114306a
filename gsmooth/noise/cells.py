"""Noise on the grid from 16 bits a coordinate, and from 68 where 16 do not decide (F1).

With y = mean / grid, s = sigma / grid and U uniform, the vote needs round(y + s Phi^-1(U)) and no
more. Write y = m + f, m whole and |f| <= 1/2, both exact. The first 16 bits of U say in which of
65,536 cells [c, c + 1) / 65,536 it lies, so that the sum lies between m + f + s Phi^-1 of the
cell's two ends. Where both ends round to the same number that number is the answer, exactly, and
nothing else is looked at: float32 is enough for this question, because the ends are moved outwards
by more than all of its rounding errors. Elsewhere, and always in the first and last cell, which
have an infinite end, 52 more bits place U within its cell, and the sum is rounded in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

CELLS: Final = 2**16
COARSEST: Final = 2.0**10
"""sigma / grid beyond which so many cells straddle a boundary that plain normals are cheaper."""
LARGEST: Final = 2.0**23
"""|mean| / grid up to which mean + noise is an exact float32 multiple of the grid."""
EXPONENTS: Final = (2.0**-100, 2.0**100)
"""Grids whose float32 multiples neither underflow nor overflow below ``LARGEST``."""
BLOCK: Final = 2**16
"""Coordinates drawn at a time: what stays in a core's cache. Part of the stream."""

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]


class Bits(Protocol):
    """Where random bits come from: a NumPy bit generator."""

    def random_raw(self, size: int) -> NDArray[np.uint64]:
        """``size`` words of 64 independent fair bits."""
        ...


@final
@dataclass(frozen=True)
class Table:
    """The cells for one s = sigma / grid.

    edges: (CELLS + 1,), s Phi^-1(c / CELLS), from -inf to inf. slack: what edges and sums in
    float32 may be wrong by.
    """

    scale: float
    edges: Singles
    slack: np.float32


@lru_cache(maxsize=32)
def table(scale: float) -> Table:
    """The cells for s = ``scale``, with a slack that covers every float32 error.

    Let E be the largest finite |edge|. An edge is good to 2^-24 E (float32) and 2^-45 E (quantile
    and product); f to 2^-26, f -+ slack to 2^-24 (it is below 2); their sum to 2^-24 (E + 2).
    Together less than 2^-22 (E + 1).
    """
    # The upper half mirrors the lower one, where quantiles keep their digits.
    lower = special.ndtri(np.arange(CELLS // 2 + 1) / CELLS) * scale
    edges = np.concatenate([lower, -lower[-2::-1]]).astype(np.float32)
    return Table(scale, edges, np.float32(2.0**-22 * (1.0 - lower[1])))


def fits(mean: Tensor, sigma: float, grid: float) -> bool:
    """Whether cells serve: not where sigma or the mean is very many grid steps, or not finite."""
    if not (EXPONENTS[0] <= grid <= EXPONENTS[1] and sigma <= COARSEST * grid):
        return False
    values = mean.numpy()
    return bool(-LARGEST * grid <= values.min(initial=0.0)) and bool(
        values.max(initial=0.0) <= LARGEST * grid
    )


def around_by_cells(bits: Bits, mean: Tensor, rows: int, sigma: float, grid: float) -> Tensor:
    """round_grid(mean + sigma N(0, I)) for ``rows`` rows, float32 (rows, K), on the host.

    mean: float64 (rows, K), or (1, K) for all rows; ``fits`` holds. Words are drawn block by block,
    and after each the further bits of its undecided coordinates in their order. Values are the same
    for (1, K) and its expansion.
    """
    values, cells = mean.numpy(), table(sigma / grid)
    size = values.shape[1]
    out = np.empty((rows, size), np.float32)
    wide = min(max(size, 1), BLOCK)
    tall = BLOCK // wide
    scratch = _Scratch.of(min(rows, tall) * wide)
    for left in range(0, size, wide):
        columns = slice(left, left + wide)
        shared = _Mean.of(values[:, columns], cells, grid) if len(values) == 1 else None
        for top in range(0, rows, tall):
            block = slice(top, top + tall)
            around = shared or _Mean.of(values[block, columns], cells, grid)
            _fill(out[block, columns], bits, around, cells, scratch)
    return torch.from_numpy(out)


@final
@dataclass(frozen=True)
class _Scratch:
    """What a block is worked out in: allocated once, and overwritten by every block."""

    index: NDArray[np.intp]
    low: Singles
    high: Singles
    apart: NDArray[np.bool_]

    @classmethod
    def of(cls, size: int) -> _Scratch:
        single = np.empty((2, size), np.float32)
        return cls(np.empty(size, np.intp), single[0], single[1], np.empty(size, np.bool_))


@final
@dataclass(frozen=True)
class _Mean:
    """y of a block, (1, K) or (rows, K), as the passes over it want it.

    base: float32 m grid. below, above: float32 f -+ slack. rest: f in float64.
    """

    base: Singles
    below: Singles
    above: Singles
    rest: Floats
    grid: np.float32

    @classmethod
    def of(cls, mean: Floats, cells: Table, grid: float) -> _Mean:
        # As in ``normals.parted``: exact, and no zero is -0.
        rest = mean * (1.0 / grid)
        whole = np.add(np.rint(rest), 0.0)
        near = np.subtract(rest, whole, out=rest).astype(np.float32)
        base = np.multiply(whole, grid, out=whole).astype(np.float32)
        return cls(base, near - cells.slack, near + cells.slack, rest, np.float32(grid))


def _fill(out: Singles, bits: Bits, mean: _Mean, cells: Table, scratch: _Scratch) -> None:
    """Fill ``out`` (rows, K)."""
    n = out.size
    words = bits.random_raw(-(-n // 4)).view(np.uint16)[:n]
    index, low, high = scratch.index[:n], scratch.low[:n], scratch.high[:n]
    index[:] = words
    for end, edges, shift in (
        (low, cells.edges[:-1], mean.below),
        (high, cells.edges[1:], mean.above),
    ):
        # No index leaves the table; "wrap" is the quickest of the modes.
        np.take(edges, index, out=end, mode="wrap")
        moved = end.reshape(out.shape)
        np.rint(np.add(moved, shift, out=moved), out=moved)
    undecided = np.flatnonzero(np.not_equal(low, high, out=scratch.apart[:n]))
    rest = mean.rest.ravel()[undecided % mean.rest.size]
    fine = bits.random_raw(len(undecided))
    low[undecided] = refined(words[undecided], fine, rest, cells.scale)
    # Exact: multiples of the grid below 2^24 grid.
    np.multiply(low, mean.grid, out=low)
    np.add(mean.base, low.reshape(out.shape), out=out)


def refined(
    words: NDArray[np.uint16], fine: NDArray[np.uint64], rest: Floats, scale: float
) -> Floats:
    """round(rest + scale Phi^-1(u)), u the middle of a cell of 2^-68: word, then 52 bits of fine.

    u is counted from the nearer end of (0, 1), where it and its quantile keep their digits.
    """
    upper = words >= CELLS // 2
    cell = np.where(upper, CELLS - 1 - words.astype(np.int64), words)
    tail = (cell + ((fine >> np.uint64(12)) + 0.5) * 2.0**-52) / CELLS
    quantile = special.ndtri(tail)
    return np.asarray(np.rint(rest + scale * np.where(upper, -quantile, quantile)))

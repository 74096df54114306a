"""Noise on the grid from 16 bits a coordinate, and from 68 where 16 do not decide (F1).

F1: the network sees noisy points rounded to a grid. With y = mean / grid, s = sigma / grid and U
uniform, a vote needs round(y + s Phi^-1(U)) and no more. Write y = m + f, m whole and |f| <= 1/2,
both exact. The first 16 bits of U say in which of 65,536 cells [c, c + 1) / 65,536 it lies, so the
sum lies between m + f + s Phi^-1 of the cell's two ends. Where both ends round to the same number,
that number is the exact result. float32 is enough for this comparison, because the ends are moved
outwards by more than all of its rounding errors. Elsewhere, and always in the first and last cell,
which have an infinite end, 52 more bits place U within its cell, and the sum is rounded in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import local
from typing import Final, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

CELLS: Final = 2**16
COARSEST: Final = 2.0**10
"""sigma / grid beyond which so many cells straddle a boundary that plain normals are cheaper."""
LARGEST: Final = 2.0**22
"""|mean| / grid up to which every float32 sum below is exact."""
ANCHOR: Final = 1.5 * 2.0**23
"""Between 2^23 and 2^24 floats are whole numbers: adding this to a small one rounds it."""
EXPONENTS: Final = (2.0**-100, 2.0**100)
"""Grids whose float32 multiples neither underflow nor overflow below ``LARGEST``."""
BLOCK: Final = 2**16
"""Coordinates drawn at a time: what stays in a core's cache. Part of the stream."""

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]


class Bits(Protocol):
    """A source of random bits, such as a NumPy bit generator."""

    def random_raw(self, size: int) -> NDArray[np.uint64]:
        """Draw ``size`` words of 64 independent fair bits."""
        ...


@final
@dataclass(frozen=True)
class Table:
    """The cells for one sigma and grid, in the units of both.

    Args:
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded.
        edges: sigma Phi^-1(c / CELLS) from -inf to inf, (CELLS + 1,).
        slack: Bound on the float32 errors of edges and sums.
        anchor: ANCHOR times the grid.
    """

    sigma: float
    grid: float
    edges: Singles
    slack: np.float32
    anchor: np.float32


@lru_cache(maxsize=32)
def table(sigma: float, grid: float) -> Table:
    """The cells for ``sigma``, with a slack that covers every float32 error.

    In units of the grid let E be the largest finite |edge|. An edge is good to 2^-24 E (float32)
    and 2^-45 E (quantile and product); f to 2^-26, f -+ slack to 2^-24 (it is below 2); their sum
    to 2^-24 (E + 2). Together these are less than 2^-22 (E + 1). Adding the anchor is then the one
    intended rounding, and it keeps the order, as every rounding does.

    Args:
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded.

    Returns:
        The cells.
    """
    # The upper half mirrors the lower one, where quantiles keep their digits.
    lower = special.ndtri(np.arange(CELLS // 2 + 1) / CELLS) * sigma
    edges = np.concatenate([lower, -lower[-2::-1]]).astype(np.float32)
    slack = np.float32(2.0**-22 * (grid - float(lower[1])))
    return Table(sigma, grid, edges, slack, np.float32(ANCHOR * grid))


def fits(mean: Tensor, sigma: float, grid: float) -> bool:
    """Whether cells can be used: sigma and the mean are finite and not too many grid steps large.

    Args:
        mean: Points (rows, K) or (1, K), float64.
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded.

    Returns:
        Whether :func:`around_by_cells` is exact, and faster than normal numbers.
    """
    if not (EXPONENTS[0] <= grid <= EXPONENTS[1] and sigma <= COARSEST * grid):
        return False
    largest = np.maximum.reduce(np.abs(mean.numpy()), axis=None, initial=0.0)
    return bool(largest <= LARGEST * grid)


def around_by_cells(bits: Bits, mean: Tensor, rows: int, sigma: float, grid: float) -> Tensor:
    """Noisy points on the grid, on the host: round_grid(mean + sigma N(0, I)) (F1).

    F1: the network sees noisy points rounded to a grid. Words are drawn block by block, and after
    each block the further bits of its undecided coordinates in their order. Values are the same for
    (1, K) and its expansion.

    Args:
        bits: Source of the random bits.
        mean: Points (rows, K), or (1, K) for all rows, float64; ``fits`` holds.
        rows: Number of noisy points.
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded.

    Returns:
        Noisy points (rows, K), float32.
    """
    values, cells = mean.numpy(), table(sigma, grid)
    size = values.shape[1]
    out = np.empty((rows, size), np.float32)
    wide = min(max(size, 1), BLOCK)
    tall = BLOCK // wide
    for left in range(0, size, wide):
        columns = slice(left, left + wide)
        around = _Mean(values[:1, columns], cells)
        for top in range(0, rows, tall):
            block = slice(top, top + tall)
            if len(values) > 1:
                around = _Mean(values[block, columns], cells)
            _fill(out[block, columns], bits, around, cells)
    return torch.from_numpy(out)


@final
class _Room(local):
    """Arrays for the blocks, one set a thread: fresh memory would cost as much as the work."""

    def __init__(self) -> None:
        self.index = np.empty(BLOCK, np.intp)
        self.apart = np.empty(BLOCK, np.bool_)
        self.low, self.high, self.base, self.below, self.above = np.empty((5, BLOCK), np.float32)
        self.whole, self.rest = np.empty((2, BLOCK), np.float64)


_ROOM: Final = _Room()


@final
class _Mean:
    """The mean of a block, (1, K) or (rows, K), as the passes need it; the next one overwrites it.

    base: float32 (m - ANCHOR) grid. below, above: float32 f grid -+ slack. rest: f in float64.
    """

    def __init__(self, mean: Floats, cells: Table) -> None:
        n, shape = mean.size, mean.shape
        whole, self.rest = _ROOM.whole[:n].reshape(shape), _ROOM.rest[:n].reshape(shape)
        self.base, self.below, self.above = (
            part[:n].reshape(shape) for part in (_ROOM.base, _ROOM.below, _ROOM.above)
        )
        # Exact, as in ``normals.parted``.
        np.multiply(mean, 1.0 / cells.grid, out=self.rest)
        np.rint(self.rest, out=whole)
        np.subtract(self.rest, whole, out=self.rest)
        grid = np.float32(cells.grid)
        self.base[:] = whole
        np.multiply(self.base, grid, out=self.base)
        np.subtract(self.base, cells.anchor, out=self.base)
        self.above[:] = self.rest
        np.multiply(self.above, grid, out=self.above)
        np.subtract(self.above, cells.slack, out=self.below)
        np.add(self.above, cells.slack, out=self.above)


def _fill(out: Singles, bits: Bits, mean: _Mean, cells: Table) -> None:
    """Fill ``out`` (rows, K)."""
    n = out.size
    words = bits.random_raw(-(-n // 4)).view(np.uint16)[:n]
    index, low, high = _ROOM.index[:n], _ROOM.low[:n], _ROOM.high[:n]
    index[:] = words
    for end, edges, shift in (
        (low, cells.edges[:-1], mean.below),
        (high, cells.edges[1:], mean.above),
    ):
        # No index leaves the table; "wrap" is the quickest of the modes.
        np.take(edges, index, out=end, mode="wrap")
        moved = end.reshape(out.shape)
        np.add(moved, shift, out=moved)
        np.add(end, cells.anchor, out=end)
    undecided = np.flatnonzero(np.not_equal(low, high, out=_ROOM.apart[:n]))
    rest = mean.rest.ravel()[undecided % mean.rest.size]
    fine = bits.random_raw(len(undecided))
    offset = refined(words[undecided], fine, rest, cells.sigma / cells.grid)
    low[undecided] = (offset + ANCHOR) * cells.grid
    # Exact: both are multiples of the grid up to 2^24 grid, and so is their sum. A zero is +0, for
    # the sign of a zero is a bit that a network can read.
    np.add(mean.base, low.reshape(out.shape), out=out)


def refined(
    words: NDArray[np.uint16], fine: NDArray[np.uint64], rest: Floats, scale: float
) -> Floats:
    """round(rest + scale Phi^-1(u)), u the middle of a cell of 2^-68.

    u is counted from the nearer end of (0, 1), where it and its quantile keep their digits.

    Args:
        words: First 16 bits of u (n,).
        fine: Words (n,) whose upper 52 bits are the further bits of u.
        rest: f (n,), what is left of the mean.
        scale: sigma / grid.

    Returns:
        Whole numbers (n,).
    """
    cell = np.minimum(words, ~words)
    tail = (((fine >> np.uint64(12)) + 0.5) * 2.0**-52 + cell) * (1.0 / CELLS)
    steps = np.where(words < CELLS // 2, scale, -scale)
    return np.asarray(np.rint(special.ndtri(tail) * steps + rest))

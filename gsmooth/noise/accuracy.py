"""What float64 noise on a grid differs from the noise of the theorems (F1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from gsmooth.theory.laws import Law

# Beyond this tail on either side theta's float64 quantiles are too coarse to bound; the event is
# paid for as total variation instead (F1).
TAIL: Final = 1e-9


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

"""The distance between float64 noise on a grid and the noise of the theorems (F1).

F1: what float arithmetic can change in a probability is bounded by a total variation, and paid for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from gsmooth.theory.laws import GridUniformLaw, HaarLaw, Law

# Beyond this tail on either side theta's float64 quantiles are too coarse to bound; the event is
# paid for as total variation instead (F1).
TAIL: Final = 1e-9


@final
@dataclass(frozen=True)
class ThetaAccuracy:
    """How exactly theta is sampled.

    Outside an event of probability ``outside``, |theta_i| <= reach_i, and theta_i differs from the
    draw of the real law with the same quantile by at most offset_i.

    Args:
        reach: Largest |theta_i|, one for each parameter, in its unit.
        offset: Largest error of theta_i, one for each parameter, in its unit.
        outside: Probability of the event.
    """

    reach: tuple[float, ...]
    offset: tuple[float, ...]
    outside: float


def theta_accuracy(law: Law) -> ThetaAccuracy:
    """How exactly theta is sampled between the quantiles TAIL and 1 - TAIL (F1, T7).

    F1: the event outside of these quantiles is paid for as total variation.

    T7: a Haar axis has no tails. Its samples are within half an ulp of a coset of a finite group,
    for which T7 holds exactly, and a shift off the grid of that group leaves an error of theta of
    half a step of the grid. A whole step of it covers both, and is paid at the centre and at the
    attacked point. If the number of values of a stepped parameter does not divide 2^52, some are
    more likely than others, which is paid for as total variation. Whole steps (T8) are exact, and
    as likely as each other but for that.

    Args:
        law: The noise law, of m parameters.

    Returns:
        Reach and error of every parameter; both are 0 for a parameter without noise.
    """
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
    outside = 2.0 * (m - len(law.periodic) - len(law.whole_axes)) * TAIL
    if isinstance(law, HaarLaw):
        for axis in law.axes:
            reach[axis], offset[axis] = law.scales[axis], law.scales[axis] * 2.0**-52
        outside += sum(_uneven(law, axis) for axis in law.axes)
    if isinstance(law, GridUniformLaw):
        for axis in law.axes:
            reach[axis], offset[axis] = law.scales[axis], 0.0
            # Each of 2 b + 1 steps has one cell of 2^-52 too many or too few.
            outside += (2.0 * law.scales[axis] + 1.0) * 2.0**-51
    return ThetaAccuracy(tuple(reach.tolist()), tuple(offset.tolist()), outside)


def _uneven(law: HaarLaw, axis: int) -> float:
    """Total variation between sampled and equally likely values of a stepped parameter."""
    step = law.steps[axis] if law.steps else 0.0
    count = round(law.scales[axis] / step) if step else 1
    return 0.0 if 2**52 % count == 0 else count * 2.0**-51


def grid_total_variation(size: int, sigma: float, grid: float) -> float:
    """Total variation tau between float and real noise after rounding to the grid (F1).

    F1: no probability of a class differs by more than tau, which is paid at the centre and at the
    attacked point. With s = sigma / grid, tau = K 2^-53 (32 s + 40 + 8 / s) for K coordinates, for
    every way in which noise is drawn.

    In units of the grid let m be the whole number nearest to the mean and f what is left; both are
    exact, so the size of the mean plays no part. The real vote sees m + round(w), w = f + s x, the
    float one m + round(w'), and they differ only where a boundary b, half a whole number, lies
    between w and w'. Couple the two through the same bits and write x_b = (b - f) / s.

    *Rounding.* Let |w' - w| <= e (s |x| + 1/2). A boundary is met with probability 2 e (s |x_b| +
    1/2) phi(x_b) / s, second-order terms aside. Sums over the x_b, 1 / s apart, are at most s times
    the integral plus the heights of the peaks: e (1.6 s + 2 + 0.4 / s) together. For cells e = 18
    ulps of 2^-53: one for the product, one for the sum and 16 for ``ndtri``, which is good to 10
    (tests/sampling/noise/test_sampler.py).

    *Resolution of cells.* A quantile is taken at the middle of 2^-68, and that is rounded by 2^-53
    of its distance u from the nearer end of (0, 1): a boundary is met with probability
    2 (2^-69 + 2^-53 Phi(-|x_b|)), 19.3 s + 1 of them lie between the outermost middles, and 2^-67
    is left beyond them: 2^-53 (1.7 s + 2). Together 30.5 s + 38 + 7.2 / s.

    *Ziggurat* (no cells). Each of its 256 layers has 2^52 steps and at most 7.4 s + 1 boundaries
    across, and a boundary is met by one step: 2^-53 (14.8 s + 2). Tables, wedges and tail are good
    to a few ulps: e = 6 and 16 more.

    *Box and Muller* (other devices), R = sqrt(-2 ln u) and an angle. Steps of 2^-53 in u move R by
    8.6 steps on average, steps of 2^-52 in the turn move R times the angle by 15.8; times the mean
    0.64 of |cos|, 2^-53 15.6 s. Logarithm, root and cosine are good to 4 ulps of R, whose mean is
    1.25, product and sum to two more of x: 13.2 s. Together 28.8 s.

    Args:
        size: Number K of coordinates.
        sigma: Standard deviation of the noise.
        grid: Power of two to whose multiples values are rounded.

    Returns:
        tau.

    Example:
        >>> grid_total_variation(784, sigma=0.25, grid=2.0**-8) < 1e-9
        True
    """
    steps = sigma / grid
    return size * 2.0**-53 * (32.0 * steps + 40.0 + 8.0 / steps)

"""The part of a region that covers have to look at, where the pulled-back image recurs (T7)."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


class Recurrence(NamedTuple):
    """What is looked at, and how far C elsewhere in the region can be from C there.

    region: every attack of the whole region is a whole number of steps away from one of this.
    error: bound on ||C(theta + steps) - C(theta)|| for all of these steps together.
    """

    region: Region
    error: float


def recurring_part(smoothed: SmoothedClassifier, x: Tensor, region: Region) -> Recurrence:
    """One step of every parameter with Haar noise after which C is the same again (T7).

    T7: with Haar noise the margin of an attack is its residual alone, wherever the attack is. So
    a supremum over one step of the parameter, and the error of the others, bound all of them.

    Args:
        smoothed: The smoothed classifier whose votes will be counted.
        x: The image (1, C, H, W), float64.
        region: The whole region.
    """
    lower, upper, error = list(region.lower), list(region.upper), 0.0
    for axis in smoothed.law.periodic:
        found = smoothed.transformation.bounds.recurrence(x, axis)
        low, high = region.lower[axis], region.upper[axis]
        if found is None or high - low <= found[0]:
            continue
        step, own = found
        lower[axis], upper[axis] = _around_zero(low, high, step)
        away = max(lower[axis] - low, high - upper[axis])
        error += own * math.ceil(away / step * (1.0 + 1e-12))
    part = Region(tuple(lower), tuple(upper), region.l2, region.bits, region.names)
    return Recurrence(part.staying(region.whole), error)


def _around_zero(low: float, high: float, step: float) -> tuple[float, float]:
    """One step of [low, high], which holds 0 and is longer, with 0 in it; rounded outwards."""
    start = max(low, -step / 2.0)
    start = min(start, high - step)
    end = start + step
    while end - start < step:  # The sum was rounded down.
        end = math.nextafter(end, math.inf)
    return start, end

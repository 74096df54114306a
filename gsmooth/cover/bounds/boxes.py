"""A region in equal boxes around the pulled-back clean image, with one residual for all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import Step
from gsmooth.cover.bounds.margin_model import units_of
from gsmooth.cover.bounds.normalized import require_linear_lift
from gsmooth.cover.regions.one_sided import one_way_axes
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import Law
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]
MarginOf = Callable[[Floats], Floats]
"""Margins (n,) of shifts (n, m) from a centre."""


def equal_boxes(region: Region, law: Law, count: int) -> tuple[Floats, Floats]:
    """At most ``count`` equal boxes that fill the region: lower and upper, each (n, m).

    The axis that is longest, measured in the law's units, is cut further as long as the number
    allows: of all boxes with so many cuts those have the smallest half-diagonals, or nearly so.
    An unsmoothed parameter is never cut: the one residual is for all of its values.
    """
    spans = np.array(region.upper) - np.array(region.lower)
    lengths, cuts = spans / units_of(law), [1] * region.dimensions
    while True:
        widths = [length / cut for length, cut in zip(lengths, cuts, strict=True)]
        for axis in sorted(range(len(cuts)), key=lambda a: -widths[a]):
            wider = [cut + (a == axis) for a, cut in enumerate(cuts)]
            if widths[axis] > 0.0 and int(np.prod(wider)) <= count:
                cuts = wider
                break
        else:
            break
    edges = [
        [low + (high - low) * k / cut for k in range(cut)] + [high]
        for low, high, cut in zip(region.lower, region.upper, cuts, strict=True)
    ]
    boxes = list(itertools.product(*map(itertools.pairwise, edges)))
    ends = np.array(boxes, dtype=np.float64)  # (n, m, 2)
    return ends[:, :, 0], ends[:, :, 1]


def box_margin(margin_of: MarginOf, theta: Floats, lower: Floats, upper: Floats) -> float:
    """The largest margin of a box (m,), (m,) seen from the centre at theta (m,).

    It is reached at a corner: the laws' margins grow with every |shift_i|, on either side of 0.
    """
    corners = np.array(list(itertools.product(*zip(lower, upper, strict=True))))
    return float(margin_of(corners - theta).max())


def box_profile(
    region: Region, margin_of: MarginOf, theta: Floats, lower: Floats, upper: Floats
) -> tuple[Step, ...]:
    """The shares that the box requires in the nested regions ``region.scaled(fraction)``.

    A step's share is that of the part of the box inside the region of its fraction, so it suffices
    for every smaller region. Ascending; the last step is at fraction 1, for the whole box.
    """
    start, full = _start(region, lower, upper), _full(region, lower, upper)
    steps = [Step(start, 0.0)] if start > 0.0 else []
    least = 0.0
    count = COVER.refinement.box_steps
    fractions = [start + (full - start) * k / count for k in range(1, count)] + [1.0]
    for before, fraction in itertools.pairwise([start, *fractions]):
        if not before < fraction:
            continue
        within = region.scaled(fraction)
        low = np.clip(lower, within.lower, within.upper)
        high = np.clip(upper, within.lower, within.upper)
        required_p = float(required_p_of_margin(box_margin(margin_of, theta, low, high)))
        least = max(least, required_p)
        steps.append(Step(fraction, least))
    return tuple(steps)


def _start(region: Region, lower: Floats, upper: Floats) -> float:
    """A fraction below which the region does not meet the box, rounded down; 0 if 0 is inside."""
    far = np.maximum(np.maximum(lower, -upper), 0.0)
    reach = np.where(lower > 0.0, region.upper, -np.array(region.lower))
    fractions = np.divide(far, reach, out=np.zeros_like(far), where=far > 0.0)
    return max(0.0, float(np.nextafter(fractions.max(), 0.0)))


def _full(region: Region, lower: Floats, upper: Floats) -> float:
    """A fraction from which on the region contains the box, at most 1."""
    ends = [
        end / limit
        for low, high, least, most in zip(lower, upper, region.lower, region.upper, strict=True)
        for end, limit in ((low, least), (high, most))
        if limit != 0.0 and end / limit > 0.0
    ]
    return min(1.0, max(ends, default=1.0))


def pulled_back_centres(smoothed: SmoothedClassifier, clean: Tensor, theta: Floats) -> Tensor:
    """T_theta L x for the rows of theta (n, m): (n, K)."""
    columns = torch.from_numpy(theta).tensor_split(theta.shape[1], dim=1)
    return smoothed.transformation.act(clean.expand(len(theta), -1), *columns)


def require_pulled_back(smoothed: SmoothedClassifier, what: str) -> None:
    """ConfigurationError unless T4 applies: an orthogonal action, with noise on its parameters."""
    operator = smoothed.transformation
    if smoothed.identity_action:
        raise ConfigurationError(
            f"{what} is for parameters with noise; {operator.name} has none here, and its"
            " individual guarantee needs nothing more"
        )
    require_linear_lift(smoothed, what)
    require_way_back(operator, what)
    require_any_value(smoothed, what)
    if not operator.orthogonal:
        raise ConfigurationError(
            f"{what} needs an orthogonal action with a derivative bound; {operator.name}'s action"
            " is not orthogonal, so errors depend on the noise (T5)"
        )


def require_any_value(smoothed: SmoothedClassifier, what: str) -> None:
    """ConfigurationError if noise moves a parameter by whole steps: centres have to, as well."""
    if smoothed.law.whole_axes:
        raise ConfigurationError(
            f"{what} cuts the region into equal boxes with centres at any value, and grid-uniform"
            " noise certifies whole steps only; use the individual guarantee"
        )


def require_way_back(operator: Transformation, what: str) -> None:
    """ConfigurationError if a parameter is one-sided, so that there is no T_(-theta)."""
    if one_way_axes(operator):
        raise ConfigurationError(
            f"{what} pulls attacked images back, and {operator.name} has no inverse"
            f" ({', '.join(operator.one_sided)} >= 0); its individual guarantee needs none"
        )

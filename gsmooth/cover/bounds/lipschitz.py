"""Lipschitz bounds of an action that is no isometry: how much it lengthens residuals (T5).

Let S bound ||T_b y - T_b z|| / ||y - z|| for every b with |b_i| <= q_i + t_i, where |beta_i| <= q_i
outside an event of probability rho0 and t_i is how far the region goes. An attack is L psi_theta(x)
+ r = T_theta C(theta) + r, a centre z_j = T_(theta_j) c. With gamma = theta - theta_j, outside the
event,

    ||T_beta (T_theta C + r) - T_(beta + gamma) z_j||
        <= ||T_beta (T_theta C + r) - T_beta T_theta C||
           + ||T_(beta + theta) C - T_(beta + theta) c||
        <= S (||r|| + ||C - c||),

whatever delta is: the E of T5. A larger rho0 costs margin and makes S smaller, so several values
are tried. Each of them gives a valid margin, so the smallest margin is valid.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

Stretches = tuple[tuple[float, float], ...]
"""Pairs (rho0, S)."""

ISOMETRY: Final[Stretches] = ((0.0, 1.0),)


def lengthens(smoothed: SmoothedClassifier) -> bool:
    """True if T, with the parameters of the noise, may take two points farther apart."""
    return not (smoothed.orthogonal or smoothed.transformation.nonexpansive)


def lipschitz_bounds(smoothed: SmoothedClassifier, region: Region) -> Stretches | None:
    """(rho0, S) for some rho0; None where no Lipschitz bound S is available.

    E = S (||r|| + ||C - c||) is T5's bound on the error, outside an event of probability rho0.
    """
    if not lengthens(smoothed):
        return ISOMETRY
    law, farthest = smoothed.law, _farthest(smoothed, region)
    found = []
    for rho0 in COVER.supremum.failures:
        # On either side of every axis; the quantiles themselves are good to a few ulps.
        tail = rho0 / (2 * law.dimensions)
        ends = law.theta_from_uniform(np.repeat([[tail], [1.0 - tail]], law.dimensions, axis=1))
        reach = np.abs(ends).max(axis=0) * (1.0 + 1e-9) + farthest
        factor = smoothed.transformation.bounds.lipschitz_bound(tuple(reach.tolist()))
        if factor is None:
            return None
        found.append((rho0, factor))
    return tuple(found)


def lipschitz_of_region(smoothed: SmoothedClassifier, region: Region) -> float:
    """S for the parameters of the region alone; 1 if no bound is available."""
    if not lengthens(smoothed):
        return 1.0
    return (
        smoothed.transformation.bounds.lipschitz_bound(tuple(_farthest(smoothed, region).tolist()))
        or 1.0
    )


def at_their_longest(smoothed: SmoothedClassifier, centres: Tensor, region: Region) -> Tensor:
    """The centres (K,) or (balls, K), moved to the ends of the region if that may lengthen them.

    An isometry may: a shift moves the origin. The longest of the returned points (n, K) is taken to
    be as long as any T_theta c, which is true of shifts, gains and their products with rotations.
    """
    rows, operator = centres.reshape(-1, centres.shape[-1]), smoothed.transformation
    if smoothed.identity_action or region.dimensions == 0:
        return rows
    ends = np.array([region.lower, region.upper])
    whole = list(smoothed.law.whole_axes)
    ends[:, whole] = np.trunc(ends[:, whole])  # Attacks move by whole steps there.
    corners = list(itertools.product(*ends.T.tolist()))

    def moved(points: Tensor, corner: tuple[float, ...]) -> Tensor:
        return operator.act(points, *(points.new_full((len(points), 1), v) for v in corner))

    origin = torch.zeros_like(rows[:1])
    if not lengthens(smoothed) and not any(bool(moved(origin, c).any()) for c in corners):
        return rows
    return torch.cat([moved(rows, corner) for corner in corners])


def _farthest(smoothed: SmoothedClassifier, region: Region) -> np.typing.NDArray[np.float64]:
    """The largest |theta_i| in the region, (m,); 0 for a parameter that T ignores."""
    far = np.maximum(np.abs(region.lower), np.abs(region.upper))
    far[list(smoothed.law.unsmoothed)] = 0.0
    return np.asarray(far)

"""Covers that bound the error of no image: they take it from a calibration."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover.boxes import (
    box_margin,
    box_profile,
    carried_centres,
    equal_boxes,
    require_carried,
)
from gsmooth.cover.build import Ball, Cover
from gsmooth.cover.requirement import Requirement, check_region
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier


def distributional_cover(
    smoothed: SmoothedClassifier, image: Tensor, region: Region, error: float, centres: int
) -> Cover:
    """A cover of the region by equal boxes, if ``error`` bounds this image's error.

    image (C, H, W); error: E >= sup over theta in the region of ||C(theta) - L image||, C the
    attacked image carried back; rounding and an l2 ball are not part of it, they are added here.
    Then L psi_theta(x) = T_(theta - theta_j)(z_j + e) with z_j = T_(theta_j) L x and ||e|| <= E
    for every theta and j, T being orthogonal, and T4 needs the margin hypot(|theta - theta_j|, E).
    Whether E holds for this image is the premise of the certificate, not checked here.

    ConfigurationError where T4 does not apply: no parameters, none that noise moves, or an action
    that is not orthogonal.
    """
    check_region(smoothed, region)
    require_carried(smoothed, "the distributional guarantee")
    operator = smoothed.transformation
    clean = operator.lift(image[None].to(torch.float64))[0]
    requirement = Requirement.at(smoothed, region, clean[None], error)

    def margin_of(shift: np.ndarray) -> np.ndarray:
        return requirement.margins(shift, np.full(len(shift), error))

    lower, upper = equal_boxes(region, smoothed.law, centres)
    theta = (lower + upper) / 2
    z = carried_centres(smoothed, clean, theta)
    balls = []
    for place, centre in enumerate(theta):
        box = lower[place], upper[place]
        margin = box_margin(margin_of, centre, *box)
        profile = box_profile(region, margin_of, centre, *box)
        share = profile[-1].share
        balls.append(Ball(tuple(centre.tolist()), z[place], margin, share, profile))
    proved = requirement.proved and smoothed.grid > 0.0
    guarantee = Guarantee.DISTRIBUTIONAL if proved else Guarantee.HEURISTIC
    return Cover(region, clean, tuple(sorted(balls, key=lambda ball: -ball.margin)), guarantee)

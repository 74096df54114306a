"""Covers that take the error of an image from a calibration instead of bounding it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover.bounds.boxes import (
    box_margin,
    box_profile,
    equal_boxes,
    pulled_back_centres,
    require_pulled_back,
)
from gsmooth.cover.bounds.margin_model import MarginModel, check_region
from gsmooth.cover.build import Ball, Cover
from gsmooth.cover.planning.planner import Price
from gsmooth.cover.regions.one_sided import placed
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region


def distributional_cover(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    error: float,
    centres: int,
    origin: Tensor | None = None,
) -> Cover:
    """A cover of the region by equal boxes, if ``error`` bounds this image's error.

    image (C, H, W); error: E >= sup over theta in the region of ||C(theta) - c||, C the attacked
    image pulled back, c = ``origin`` (K,) or by default L image; rounding and an l2 ball are not
    part of it, they are added here. Then L psi_theta(x) = T_(theta - theta_j)(z_j + e) with
    z_j = T_(theta_j) c and ||e|| <= E for every theta and j, T being orthogonal, and T4 needs the
    margin hypot(|theta - theta_j|, E). That E holds for this image is the premise of the
    certificate, which is not checked here: by S8 it is true of a stated share of all images.

    ConfigurationError where T4 does not apply: no parameters, none that noise moves, or an action
    that is not orthogonal.
    """
    check_region(smoothed, region)
    require_pulled_back(smoothed, "the distributional guarantee")
    region = region.staying(smoothed.law.periodic)
    operator = smoothed.transformation
    clean = operator.lift(image[None].to(torch.float64))[0]
    carried = clean if origin is None else origin
    margin_model = MarginModel.at(smoothed, region, carried[None], error)

    def margin_of(shift: np.ndarray) -> np.ndarray:
        return margin_model.margins(shift, np.full(len(shift), error))

    lower, upper = equal_boxes(region, smoothed.law, centres)
    theta = placed(smoothed.law, lower, (lower + upper) / 2)
    z = pulled_back_centres(smoothed, carried, theta)
    balls = []
    for place, centre in enumerate(theta):
        box = lower[place], upper[place]
        margin = box_margin(margin_of, centre, *box)
        profile = box_profile(region, margin_of, centre, *box)
        required_p = profile[-1].required_p
        balls.append(Ball(tuple(centre.tolist()), z[place], margin, required_p, profile))
    proved = margin_model.proved and smoothed.grid > 0.0
    guarantee = Guarantee.DISTRIBUTIONAL if proved else Guarantee.HEURISTIC
    return Cover(region, clean, tuple(sorted(balls, key=lambda ball: -ball.margin)), guarantee)


def cheapest_number(
    smoothed: SmoothedClassifier, region: Region, error: float, price: Price
) -> int:
    """The number of centres whose votes are expected to cost least; no bound depends on it."""
    counts = np.arange(1, COVER.distributional.most_centres + 1)
    margins = np.array([equal_margin(smoothed, region, error, int(count)) for count in counts])
    votes = price.votes(
        required_p_of_margin(margins), np.full(len(counts), COVER.distributional.typical_fraction)
    )
    return int(counts[np.argmin(counts * votes)])


def equal_margin(smoothed: SmoothedClassifier, region: Region, error: float, centres: int) -> float:
    """The margin of equal boxes around their centres, without the float terms of F1."""
    lower, upper = equal_boxes(region, smoothed.law, centres)
    residual = error + smoothed.transformation.bounds.lift_norm(smoothed.image_shape) * region.l2
    shift = upper - placed(smoothed.law, lower, (lower + upper) / 2)
    margins = smoothed.law.margin(shift, np.full(len(lower), residual))
    return float(margins.max())

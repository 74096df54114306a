"""Covers of one image: the plan of one, or the cover itself where no votes choose it."""

from __future__ import annotations

import torch
from torch import Tensor

from gsmooth.cover.bounds.margin_model import check_region
from gsmooth.cover.build import Cover, identity_cover
from gsmooth.cover.planning.planner import Centres, CoverPlanner, Price
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


def plan_cover(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    centres: Centres = None,
    price: Price | None = None,
) -> Cover | CoverPlanner:
    """A cover of {psi_theta(image) + e : (theta, e) in region}, or the planner of one.

    No estimation vote has a part in either, so every ball may be tested at the full alpha (C5: a
    false certificate needs one particular test to err).

    Args:
        smoothed: The smoothed classifier whose votes will be counted.
        image: (C, H, W).
        region: What has to be covered.
        centres: See :data:`Centres`.
        price: The expected cost of centres. With it and ``centres=None``, pilot votes choose
            number and place of the centres, so a planner is returned; except where the region
            leaves no choice.
    """
    check_region(smoothed, region)
    region = region.staying(smoothed.law.periodic)
    x = image[None].to(torch.float64)
    if region.dimensions == 0:
        return identity_cover(smoothed, x, region)
    planner = CoverPlanner.of(smoothed, x, region, centres, price)
    return planner if planner.chooses_by_cost else planner.cover_without_votes()


def build_cover(
    smoothed: SmoothedClassifier, image: Tensor, region: Region, centres: Centres = None
) -> Cover:
    """The cover with at most ``centres`` balls (by default the transformation's own number)."""
    found = plan_cover(smoothed, image, region, centres)
    assert isinstance(found, Cover)  # Without a price there is nothing to choose by.
    return found

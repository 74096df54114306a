"""Enumeration: the network itself on every attack of a finite region."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.attacks.candidates import attacked_images
from gsmooth.cover.bounds.margin_model import check_region
from gsmooth.cover.regions.grid import check_count
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

BATCH = 256
"""Attacked images in memory at once."""


def enumerated_labels(
    smoothed: SmoothedClassifier, image: Tensor, region: Region
) -> tuple[Tensor, NDArray[np.int64]]:
    """The class of the network, without noise, at every attack of a finite region.

    It is a proof for the network f where every attack can be listed: all parameters move by whole
    steps, and no l2 ball lies on top. Where f has one class at all of them, it is robust on the
    region, and no certificate of g says more about f. A certificate holds for g, and for what
    cannot be listed: an l2 ball on top, parameters of any value, and large sets.

    Args:
        smoothed: The smoothed classifier; f is its network behind the readout.
        image: The clean image (C, H, W).
        region: The region; ``bits`` rounds every attacked image.

    Returns:
        theta (n, m) of the attacks, and the class of each of them (n,); the number of classes where
        scores tie.

    Raises:
        ConfigurationError: The region is not finite, or has too many attacks.
    """
    check_region(smoothed, region)
    operator = smoothed.transformation
    endless = [p.name for p in operator.parameters if not p.step]
    if endless or region.l2:
        what = f"{endless[0]} takes any value" if endless else f"l2={region.l2:g} lies on top"
        raise ConfigurationError(
            f"enumeration: {what}, so the attacks of this region cannot be listed; certify it"
        )
    check_count(operator, region)
    values = (
        torch.tensor(p.values(low, high), dtype=torch.float64, device="cpu")
        for p, low, high in zip(operator.parameters, region.lower, region.upper, strict=True)
    )
    theta = torch.cartesian_prod(*values).reshape(-1, region.dimensions)
    x = image[None].to(torch.float64)
    found = []
    for part in torch.split(theta, BATCH):
        attacked = attacked_images(smoothed, x, part, region)
        inputs = smoothed.readout(operator.lift(attacked))
        found.append(smoothed.classifier.labels(inputs))
    return theta, torch.cat(found).cpu().numpy()

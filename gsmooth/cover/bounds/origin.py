"""Where errors are measured from, when one point serves the whole region."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.transforms.region import Region

Rule = Literal["clean", "middle"]

POINTS: Final = (33, 9, 5)
"""Grid points along each axis, by number of parameters. Part of what "middle" means."""


def origin_of(pulled_back: PulledBackImage, region: Region, rule: Rule) -> Tensor:
    """c (K,) for one image: "clean" is L x, "middle" is half way from L x to the mean of C.

    Attacks blur, so the clean image lies at the rim of its pulled-back image: half way to the mean,
    errors are about a third smaller (C1: any centre is allowed). The mean is over a fixed grid of
    the region, so c is a smooth function of the image, and the same to rounding on every machine.
    Calibrations depend on it, so another rule needs another name.
    """
    clean = pulled_back.transformation.lift(pulled_back.x)[0]
    if rule == "clean":
        return clean
    points = POINTS[min(region.dimensions, len(POINTS)) - 1]
    parameters = pulled_back.transformation.parameters
    part = torch.linspace(0.0, 1.0, points, dtype=torch.float64, device="cpu")
    axes = [
        p.between(low, high, part)
        if p.step
        else torch.from_numpy(np.linspace(low, high, points if low < high else 1))
        for p, low, high in zip(parameters, region.lower, region.upper, strict=True)
    ]
    grid = torch.stack([axis.ravel() for axis in torch.meshgrid(*axes, indexing="ij")], dim=1)
    return (clean + pulled_back.points(grid).mean(dim=0)) / 2.0

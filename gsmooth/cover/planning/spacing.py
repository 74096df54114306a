"""Units of length along the axes of a region, in which the cells of its first grid are cubes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gsmooth.cover.bounds.margin_model import units_of
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.grid import lay_parameter_grid
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


def spacing_units(
    smoothed: SmoothedClassifier, pulled_back: PulledBackImage, region: Region, sigma: float
) -> Floats:
    """Units of length on each axis (m,), in which cells are about cubes.

    Those of the law; where shifts cost nothing (an unsmoothed parameter, Haar noise), the change
    that moves C by about sigma. C is sampled along its interval with the other parameters at 0; no
    bound depends on that.
    """
    if smoothed.identity_action:
        return np.ones(region.dimensions)
    units, low, high = units_of(smoothed.law), np.array(region.lower), np.array(region.upper)
    for axis in smoothed.law.free_axes:
        alone = np.arange(len(low)) == axis
        line = Region(tuple((alone * low).tolist()), tuple((alone * high).tolist()))
        parameter_grid = lay_parameter_grid(
            smoothed.transformation, line, np.ones(len(low)), COVER.grid.unsmoothed_cells
        )
        steps = pulled_back.points(torch.from_numpy(parameter_grid.theta)).diff(dim=0).norm(dim=1)
        if (length := float(steps.sum()) / sigma) > 0.0 and high[axis] > low[axis]:
            units[axis] = (high[axis] - low[axis]) / length
    return units

"""Preimages: the parameters that can have given an attacked image, with a ball for each cell."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.regions.grid import lay_parameter_grid
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError, ImpossibleError
from gsmooth.transforms.base import Enclosure, Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class PreimageCells:
    """Cells of parameters that the attacker can have used, and balls that enclose the preimages.

    Args:
        lower: Lower ends of the cells, (n, m).
        upper: Upper ends of the cells, (n, m).
        centre: Centres (n, K) of balls that contain L x for every preimage x of the cell.
        radius: Radii of these balls, (n,).
        gain: How much the radius fell when the cell was last halved, (n,); inf if it never was.
    """

    lower: Floats
    upper: Floats
    centre: Tensor
    radius: Floats
    gain: Floats

    @property
    def middle(self) -> Floats:
        """The middle of each cell, (n, m)."""
        return np.asarray((self.lower + self.upper) / 2)

    def take(self, chosen: NDArray[np.int64]) -> PreimageCells:
        """Some of the cells."""
        rows = torch.from_numpy(chosen)
        ends = self.lower[chosen], self.upper[chosen]
        return PreimageCells(*ends, self.centre[rows], self.radius[chosen], self.gain[chosen])

    def join(self, other: PreimageCells) -> PreimageCells:
        """These cells and the others."""
        return PreimageCells(
            np.concatenate([self.lower, other.lower]),
            np.concatenate([self.upper, other.upper]),
            torch.cat([self.centre, other.centre]),
            np.concatenate([self.radius, other.radius]),
            np.concatenate([self.gain, other.gain]),
        )


def enclose_preimages(
    operator: Transformation,
    x: Tensor,
    region: Region,
    rounding: float,
    *,
    tolerance: float,
    seconds: float | None = None,
) -> PreimageCells:
    """The cells that can have given an image, halved while that makes balls smaller.

    Args:
        operator: The transformation.
        x: The attacked image (1, C, H, W), float64.
        region: The attacks that may have been made.
        rounding: How far rounding can have moved a pixel.
        tolerance: A cell is halved again while the last halving lowered the radius by more.
        seconds: Halving ends then; by default when it gains nothing.

    Raises:
        ImpossibleError: No cell can have given the image.
        ConfigurationError: The transformation cannot enclose preimages with these options.
    """
    began = perf_counter()
    spans = np.maximum(np.array(region.upper) - np.array(region.lower), 1e-300)
    moving = spans > 1e-300
    first = COVER.online.first_cells[0 if int(moving.sum()) < 2 else 1]
    lower, upper = lay_parameter_grid(operator, region, spans, first).boxes
    cells = _measure(operator, x, rounding, lower, upper, np.full(len(lower), np.inf))
    while seconds is None or perf_counter() - began < seconds:
        part = ((cells.upper - cells.lower) / spans)[:, moving].prod(axis=1)
        # The radius of a coarse cell may be inf, and still inf after one halving.
        early = part > 1.0 / (first * COVER.online.early)
        chosen = np.flatnonzero((cells.radius > tolerance) & (early | (cells.gain > tolerance)))
        largest_first = chosen[np.argsort(-cells.radius[chosen], kind="stable")]
        chosen = largest_first[: COVER.online.cells_at_once]
        if not len(chosen) or len(cells.radius) + len(chosen) > COVER.online.most_cells:
            break
        rest = np.setdiff1d(np.arange(len(cells.radius)), chosen)
        cells = cells.take(rest).join(_halved(operator, x, rounding, cells.take(chosen), spans))
    if not len(cells.radius):
        names, units = zip(*((p.name, p.unit) for p in operator.parameters), strict=True)
        raise ImpossibleError(
            f"image: no image with pixels in [0, 1] becomes this one under {operator.name} with"
            f" {region.describe(names, units)}; declare the attack that was made, or its rounding"
        )
    return cells


def _measure(
    operator: Transformation, x: Tensor, rounding: float, lower: Floats, upper: Floats, was: Floats
) -> PreimageCells:
    """Those of the cells (n, m) that have a preimage; was (n,): radii before they were halved."""
    most = COVER.online.cells_at_once
    parts = [
        _enclosed(operator, x, rounding, lower[k : k + most], upper[k : k + most])
        for k in range(0, len(lower), most)
    ]
    possible = torch.cat([part.possible for part in parts])
    centre = torch.cat([part.centre for part in parts])[possible]
    radius = torch.cat([part.radius for part in parts])[possible].cpu().numpy()
    kept = possible.cpu().numpy()
    with np.errstate(invalid="ignore"):
        gain = np.where(np.isinf(was[kept]), np.inf, was[kept] - radius)
    return PreimageCells(lower[kept], upper[kept], centre, radius, gain)


def _enclosed(
    operator: Transformation, x: Tensor, rounding: float, lower: Floats, upper: Floats
) -> Enclosure:
    found = operator.bounds.preimages(x, torch.from_numpy(lower), torch.from_numpy(upper), rounding)
    if found is None:
        raise ConfigurationError(
            f"online: {operator.name} cannot enclose the preimages of an image with these options;"
            " certify the clean image instead"
        )
    return found


def _halved(
    operator: Transformation, x: Tensor, rounding: float, cells: PreimageCells, spans: Floats
) -> PreimageCells:
    """The halves that have a preimage; each cell is cut across its relatively widest axis."""
    axis = np.argmax((cells.upper - cells.lower) / spans, axis=1)
    row, middle = np.arange(len(axis)), cells.middle
    cut = middle[row, axis]
    low_end, high_start = cells.upper.copy(), cells.lower.copy()
    low_end[row, axis], high_start[row, axis] = cut, cut
    lower, upper = np.concatenate([cells.lower, high_start]), np.concatenate([low_end, cells.upper])
    return _measure(operator, x, rounding, lower, upper, np.tile(cells.radius, 2))

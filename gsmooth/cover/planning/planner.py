"""CoverPlanner: one image on a grid over its region, from which covers are planned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.bounds.cells import FrameCells
from gsmooth.cover.bounds.margin_model import MarginModel, units_of
from gsmooth.cover.build import Cover, Layout, moving_cover
from gsmooth.cover.pilots import PilotEstimates
from gsmooth.cover.planning.joint import JointPoints
from gsmooth.cover.planning.partition import Partition, moves_freely, prices_of
from gsmooth.cover.planning.pilot_nodes import pilot_nodes
from gsmooth.cover.planning.spacing import spacing_units
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.grid import ParameterGrid, Piece, lay_parameter_grid
from gsmooth.cover.regions.one_sided import place_of, placed
from gsmooth.cover.regions.recurring import recurring_part
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]
Centres = int | Literal["clean"] | None
"""At most so many centres; "clean": the clean image alone; None: as many as cost least."""


@final
@dataclass(frozen=True)
class Price:
    """The expected cost of centres.

    Args:
        votes: Expected votes, from required shares (n,) and true shares p (n,).
        budget: Votes that may be spent.
    """

    votes: Callable[[Floats, Floats], Floats]
    budget: float


@final
@dataclass(frozen=True)
class CoverPlanner:
    """A pulled-back image on a grid over its region. Any choice of centres is sound (C1).

    Args:
        smoothed: The smoothed classifier whose votes will be counted.
        region: What has to be covered.
        pulled_back: The pulled-back image C.
        lifted: L x (K,), before normalization, as all points are.
        parameter_grid: The grid over the region, or over the part of it after which C recurs, with
            points theta (n, m).
        points: C at the grid points, (n, K).
        centres: The wanted number, see :data:`Centres`.
        price: The expected cost of centres; None if votes may not choose them.
    """

    smoothed: SmoothedClassifier
    region: Region
    pulled_back: PulledBackImage
    lifted: Tensor
    parameter_grid: ParameterGrid
    points: Tensor
    centres: Centres
    price: Price | None

    @classmethod
    def of(
        cls,
        smoothed: SmoothedClassifier,
        x: Tensor,
        region: Region,
        centres: Centres,
        price: Price | None,
    ) -> CoverPlanner:
        """The planner for x (1, C, H, W) float64."""
        operator = smoothed.transformation
        part, error = recurring_part(smoothed, x, region)
        pulled_back = PulledBackImage(operator, x, smoothed.identity_action, smoothed.law, error)
        lifted = operator.linear_lift(x)[0]
        units = spacing_units(smoothed, pulled_back, part, _sigma_at(smoothed, lifted))
        cells, planner, known = _first_cells(part, lifted), None, pulled_back
        while planner is None or (cells := planner._finer) is not None:
            parameter_grid = lay_parameter_grid(operator, part, units, cells)
            theta = torch.from_numpy(parameter_grid.theta)
            points = known.points(theta)
            known = pulled_back.keeping(theta, points)
            planner = cls(
                smoothed, region, pulled_back, lifted, parameter_grid, points, centres, price
            )
        return planner

    @property
    def _finer(self) -> int | None:
        """The number of cells that the length of the curve asks for; None if there are as many."""
        # A stepped parameter has all of its values already.
        if not self.parameter_grid.is_chain or self.centres == "clean":
            return None
        most = min(COVER.grid.most_points, COVER.memory.grid // self.points.shape[1])
        cells = min(most, math.ceil(self.joint.length() / COVER.grid.step))
        if self._is_free:  # One ball needs all of the curve, and is searched with all its points.
            cells = min(cells, COVER.grid.most_free_points)
        elif (count := self._given) is not None:
            # As many cells for every centre, so that parts of a straight curve are equal.
            cells = count * min(COVER.grid.points_per_centre, math.ceil(cells / count))
        elif cells >= 8:
            # Few different numbers, so that images share grids and what plugins keep for them; and
            # multiples of the first, whose points are known.
            unit, first = 2 ** (cells.bit_length() - 3), COVER.grid.cells[0]
            unit = unit if cells > 8 * first else first if cells > 4 * first else first // 2
            cells = min(most, -(-cells // unit) * unit)
        return cells if cells > 1.2 * len(self.parameter_grid.theta) else None

    @property
    def _given(self) -> int | None:
        """The number of centres that a cover without votes has; None if votes choose it."""
        if isinstance(self.centres, int):
            return self.centres
        usual = 1 if self._is_free else self.smoothed.transformation.default_centres
        return usual if self.price is None and self.centres is None else None

    @property
    def _is_free(self) -> bool:
        """True if a shift costs nothing, along whatever parameter the region is wide (T7)."""
        return moves_freely(self.smoothed.law, self.parameter_grid)

    @cached_property
    def frame(self) -> FrameCells:
        """The cells of the grid, which all covers of this image begin with."""
        grid = self.parameter_grid
        return FrameCells.at(self.pulled_back, *grid.boxes, self.points, grid.corners)

    @cached_property
    def joint(self) -> JointPoints:
        """The grid points in standard deviations: T4's margin is a Euclidean distance.

        A parameter that is unsmoothed or has Haar noise contributes only through C.
        """
        theta, law = self.parameter_grid.theta, self.smoothed.law
        moves = not self.pulled_back.identity_action
        shift = theta / units_of(law) if moves else theta[:, :0]
        return JointPoints(shift, self._visible_points, _sigma_at(self.smoothed, self.lifted))

    @cached_property
    def _visible_points(self) -> Tensor:
        """C at the grid points, with L x wherever no vote reads it (T8); (n, K).

        Centres are chosen by these points; no bound depends on them.
        """
        if not self.pulled_back.hides:
            return self.points
        places, apart = torch.from_numpy(self.parameter_grid.theta), self.points - self.lifted
        seen = self.pulled_back.visible(apart, places, torch.zeros_like(places))
        # Exactly the points where votes read everything: centres are means of them.
        return self.points if seen is apart else self.lifted + seen

    @property
    def pilot_theta(self) -> Floats:
        """Parameters that are spread over the region, (k, m): the pilot points."""
        return self.parameter_grid.theta[self._pilot_nodes]

    @property
    def pilots(self) -> Tensor:
        """The attacked images at the pilot points, (k, K); their votes choose the cover."""
        theta, points = self.pilot_theta, self._normalized(self.points[self._pilot_nodes])
        if self.pulled_back.identity_action:
            return points
        columns = torch.from_numpy(theta).tensor_split(theta.shape[1], dim=1)
        return self.pulled_back.transformation.act(points, *columns)

    @property
    def clean(self) -> Tensor:
        """The lifted image (K,), whose votes select the class."""
        return self._normalized(self.lifted[None])[0]

    def _normalized(self, z: Tensor) -> Tensor:
        """z (n, K) as votes are counted there (T9)."""
        found = self.smoothed.transformation.normalization(self.smoothed.image_shape)
        return z if found is None else found(z)

    @cached_property
    def _pilot_nodes(self) -> NDArray[np.int64]:
        return pilot_nodes(self.parameter_grid, self.smoothed.law.periodic)

    def cover_without_votes(self) -> Cover:
        """The cover with the given number of centres, or the transformation's default number."""
        if self.centres == "clean":
            return self._cover(self._one_clean())
        count = self._given or self.smoothed.transformation.default_centres
        return self._cover(self._pieces_layout(self._partition.so_many(count)))

    def without_pilots(self, selection: PilotEstimates) -> Cover | None:
        """The cover of one ball, where that costs least at the shares that are likely."""
        low, high = (
            np.full(len(self.parameter_grid.theta), share) for share in selection.likely_shares()
        )
        if self._partition.needs_several(low, self._prices):
            return None
        _, pieces = self._cheapest(high)
        return None if len(pieces) > 1 else self._cover(self._pieces_layout(pieces, high))

    def plan(self, estimates: PilotEstimates) -> Cover:
        """The cover of least expected cost, by the votes at the pilots."""
        shares = self._shares(estimates)
        pieces: list[Piece] = []
        # A plan above the budget fails for certain. Pilots are few votes, so their shares may be
        # too low: they are raised step by step until a plan is within the budget.
        for floor in COVER.pilots.floors:
            raised = np.maximum(shares, floor)
            cost, pieces = self._cheapest(raised)
            if cost <= self._price.budget:
                break
        # Above the budget even if every vote is right: margins hold, and are not made tight.
        least = prices_of(pieces, np.ones_like(shares), self._prices).sum()
        within = bool(min(cost, least) <= self._price.budget)
        return self._cover(self._pieces_layout(pieces, raised), tight=within)

    def replan(self, estimates: PilotEstimates, budget: float) -> Cover | None:
        """The cover of least expected cost, or None if that exceeds ``budget``."""
        shares = self._shares(estimates)
        cost, pieces = self._cheapest(shares)
        return self._cover(self._pieces_layout(pieces, shares)) if cost <= budget else None

    @property
    def chooses_by_cost(self) -> bool:
        """True if the centres are chosen by their cost, and there is more than one grid point."""
        return (
            self.centres is None and self.price is not None and len(self.parameter_grid.theta) > 1
        )

    def _shares(self, estimates: PilotEstimates) -> Floats:
        """Estimated shares at the grid points, (n,); equal along a parameter with Haar noise."""
        return estimates.shares(self.parameter_grid.theta, self.smoothed.law.periodic)

    @property
    def _price(self) -> Price:
        assert self.price is not None
        return self.price

    def _cover(self, layout: Layout, tight: bool = True) -> Cover:
        known = self.smoothed, self.pulled_back, self.lifted, self.region
        return moving_cover(*known, layout, tight)

    def _one_clean(self) -> Layout:
        ends = np.array([self.region.lower])
        theta = placed(self.smoothed.law, ends, np.zeros_like(ends))
        owner = np.zeros(len(self.frame.lower), dtype=np.int64)
        return Layout(theta, self.lifted[None], np.zeros(1), owner, self.frame)

    def _pieces_layout(self, pieces: list[Piece], shares: Floats | None = None) -> Layout:
        owner = np.zeros(len(self.frame.lower), dtype=np.int64)
        for place, piece in enumerate(pieces):
            owner[piece.cells] = place
        carried = torch.stack(
            [
                torch.from_numpy(p.weights) @ self._visible_points[torch.from_numpy(p.nodes)]
                for p in pieces
            ]
        )
        if self.pulled_back.origin is not None:
            carried = self.pulled_back.origin.expand_as(carried)
        law, origin = self.smoothed.law, self.pulled_back.origin
        theta = np.stack(
            [place_of(law, piece, self.parameter_grid.theta, origin) for piece in pieces]
        )
        if law.whole_axes and not self.pulled_back.identity_action:
            # T_theta_j C(theta_j) is an attacked image. It and the others have their borders at the
            # same places of the frame that both have, so that no vote finds them different (T8).
            carried = self.pulled_back.points(torch.from_numpy(theta))
        price = np.zeros(len(pieces))
        if shares is not None:
            price = prices_of(pieces, shares, self._prices)
        return Layout(theta, carried, price, owner, self.frame)

    @cached_property
    def _partition(self) -> Partition:
        law, origin, points = self.smoothed.law, self.pulled_back.origin, self._visible_points
        added = self._added_residual if law.whole_axes else 0.0
        return Partition(law, self.parameter_grid, points, self.joint, origin, added)

    def _cheapest(self, shares: Floats) -> tuple[float, list[Piece]]:
        """Expected cost and pieces of the plan that costs least at these shares (n,)."""
        pieces = self._partition.cheapest(shares, self._prices)
        return float(prices_of(pieces, shares, self._prices).sum()), pieces

    def _prices(self, radii: Floats, shares: Floats) -> Floats:
        """Expected votes for balls of these radii; l2 ball, rounding and tolerance are added."""
        return self._price.votes(
            required_p_of_margin(radii + self._added + COVER.refinement.tolerance), shares
        )

    @cached_property
    def _added(self) -> float:
        law = self.smoothed.law
        sigma = _sigma_at(self.smoothed, self.lifted)
        return 0.0 if law.whole_axes else self._added_residual / sigma

    @cached_property
    def _added_residual(self) -> float:
        margin_model = MarginModel.at(self.smoothed, self.region, self.lifted, 0.0)
        return margin_model.extra + margin_model.rounded


def _sigma_at(smoothed: SmoothedClassifier, lifted: Tensor) -> float:
    """The std of noise on z, in units of z before normalization, at an image (K,)."""
    found = smoothed.transformation.normalization(smoothed.image_shape)
    return smoothed.law.sigma / (1.0 if found is None else found.gain(float(lifted.norm())))


def _first_cells(region: Region, clean: Tensor) -> int | None:
    """Cells of the first grid; None for the usual number, fewer where C is too long for that."""
    several = int((np.array(region.upper) > np.array(region.lower)).sum()) > 1
    most = max(COVER.grid.fewest, COVER.memory.grid // len(clean))
    return most if most < COVER.grid.cells[1 if several else 0] else None

"""Building a cover: from pieces of the region to balls whose suprema are bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import Guarantee, Step
from gsmooth.cover.bounds.cells import ROUNDING, Cells, FrameCells, Sight
from gsmooth.cover.bounds.lipschitz import lengthens
from gsmooth.cover.bounds.margin_model import MarginModel
from gsmooth.cover.bounds.splitting import parts_to, split
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Ball:
    """One centre of a cover, and the share of votes that it requires.

    Args:
        theta: theta_j, the parameters of the centre.
        z: z_j (K,), the point whose votes are counted.
        margin: rho_j (T4), in normal units of the law.
        required_p: The lower bound on the probability of the class has to exceed this.
        profile: What nested sub-regions require, ascending in the fraction.
        required_p_at: What ``region.scaled(fraction)`` requires, if that is a smooth function of
            the fraction (an l2 ball); else None.
    """

    theta: tuple[float, ...]
    z: Tensor
    margin: float
    required_p: float
    profile: tuple[Step, ...]
    required_p_at: Callable[[float], float] | None = None

    def profile_for(self, p_lower: float) -> tuple[Step, ...]:
        """The profile, with a step at the fraction that ``p_lower`` supports for an l2 ball."""
        if self.required_p_at is None or self.required_p < p_lower:
            return self.profile
        low, high = 0.0, 1.0
        while low < (middle := (low + high) / 2) < high and high - low > 2.0**-40:
            low, high = (middle, high) if self.required_p_at(middle) < p_lower else (low, middle)
        smooth = (Step(low, self.required_p_at(low)),) if low > 0.0 else ()
        return (*smooth, *self.profile)

    @property
    def unreachable(self) -> bool:
        """True if no number of votes suffices: the margin is infinite and the required share 1."""
        return self.required_p >= 1.0

    @property
    def start(self) -> float:
        """The fraction below which the region does not meet this ball's piece."""
        return (
            self.profile[0].fraction if self.profile and self.profile[0].required_p == 0.0 else 0.0
        )


@final
@dataclass(frozen=True)
class Cover:
    """Balls whose union contains every attack of a region.

    Args:
        region: The region that is covered.
        clean: L x (K,), the lifted image.
        balls: The centres, the one that is hardest to pass first.
        guarantee: Heuristic if a supremum, a float error or a property of the law is unproved.
    """

    region: Region
    clean: Tensor
    balls: tuple[Ball, ...]
    guarantee: Guarantee


def identity_cover(smoothed: SmoothedClassifier, x: Tensor, region: Region) -> Cover:
    """The cover of an l2 region without parameters, a single ball; x (1, C, H, W) float64."""
    before, clean = (lift(x)[0] for lift in _lifts(smoothed.transformation))
    margin_model = MarginModel.at(smoothed, region, before, 0.0)
    ball = _identity_ball(margin_model, clean, float(before.norm()))
    return Cover(region, clean, (ball,), _guarantee(smoothed, margin_model.proved))


def _lifts(transformation: Transformation) -> tuple[Callable[[Tensor], Tensor], ...]:
    return transformation.linear_lift, transformation.lift


def _possible(theta: Floats, transformation: Transformation) -> Floats:
    """theta (balls, m) with every parameter that has whole steps only at the nearest of them."""
    steps = np.array([p.step if p.whole else 0.0 for p in transformation.parameters])
    units = np.where(steps > 0.0, steps, 1.0)
    return np.where(steps > 0.0, np.round(theta / units) * units + 0.0, theta)


@final
@dataclass(frozen=True)
class Layout:
    """Centres, and the cells of the region that each of them has to cover.

    Args:
        theta: theta_j (balls, m).
        carried: The centres c_j (balls, K) in the clean image's frame.
        price: Expected votes (balls,); the most expensive ball is tested first.
        owner: The ball of every cell, (cells,).
        frame: The cells.
    """

    theta: Floats
    carried: Tensor
    price: Floats
    owner: NDArray[np.int64]
    frame: FrameCells


def moving_cover(
    smoothed: SmoothedClassifier,
    pulled_back: PulledBackImage,
    clean: Tensor,
    region: Region,
    layout: Layout,
    tight: bool = True,
) -> Cover:
    """The cover with these centres: every cell's supremum bounded, and refined where it pays.

    clean: L x (K,), as all points here, before normalization; the cover's is after it.
    tight: False for a cover that is too expensive whatever its margins are: cells stay as they are.
    """
    carried, claimed, frame = layout.carried, layout.frame.proved, layout.frame
    pulled_back = pulled_back.keeping(torch.from_numpy(frame.theta), frame.points)
    theta = _possible(layout.theta, pulled_back.transformation)
    sight = Sight.of_noise(pulled_back, theta)
    cells = layout.frame.around(carried, layout.owner, sight)
    # Where C is L x on the whole region, every centre is set to L x: means of it are rounded, which
    # would leave a residual, and T may lengthen that without bound.
    constant = claimed and not cells.derivative.any() and _stays_at(clean, layout.frame)
    if constant and lengthens(smoothed):
        carried = clean.expand_as(carried)
    reached = float(cells.residuals().max()) + pulled_back.recurring
    margin_model = MarginModel.at(smoothed, region, carried, reached)
    margin_model = replace(margin_model, recurring=pulled_back.recurring)
    lengths = carried.norm(dim=1).cpu().numpy()
    centre_margins = _CentreMargins(margin_model, theta, pulled_back.identity_action, lengths)
    if claimed and tight:
        cells = _refined(pulled_back, centre_margins, carried, cells, sight)
    margins = centre_margins.margins(cells)
    normalization = margin_model.normalization
    z = carried if normalization is None else normalization(carried)
    clean = clean if normalization is None else normalization(clean[None])[0]
    if not pulled_back.identity_action:
        columns = torch.from_numpy(theta).tensor_split(theta.shape[1], dim=1)
        z = pulled_back.transformation.act(z, *columns)
    balls, parameters = [], pulled_back.transformation.parameters
    for place in range(len(theta)):
        own = cells.ball == place
        profile = _profile(region, cells.take(own), margins[own], parameters)
        margin, required_p = float(margins[own].max()), profile[-1].required_p
        smooth = _smoothly(region, centre_margins, cells.take(own))
        balls.append(
            Ball(tuple(theta[place].tolist()), z[place], margin, required_p, profile, smooth)
        )
    order = np.lexsort((-np.array([ball.margin for ball in balls]), -layout.price))
    balls = [balls[place] for place in order]
    # Without a Lipschitz bound on T_beta the residual has to be exactly 0 (T5).
    holds = margin_model.lipschitz_bounds is not None or (constant and margin_model.nothing_added)
    proved = claimed and margin_model.proved and holds
    return Cover(region, clean, tuple(balls), _guarantee(smoothed, proved))


def _smoothly(
    region: Region, centre_margins: _CentreMargins, cells: Cells
) -> Callable[[float], float] | None:
    """What a ball requires for a fraction of the l2 part, if nothing else of the region shrinks."""
    moving = np.flatnonzero(np.subtract(region.upper, region.lower) > 0.0)
    if region.l2 == 0.0 or not set(moving.tolist()) <= set(region.whole):
        return None
    model = centre_margins.margin_model

    def required_p_at(fraction: float) -> float:
        within = replace(model, extra=model.extra * fraction)
        margins = replace(centre_margins, margin_model=within).margins(cells)
        return float(required_p_of_margin(margins).max())

    return required_p_at


def _stays_at(clean: Tensor, frame: FrameCells) -> bool:
    """True if C is ``clean`` (K,), to rounding, at all corners of the cells.

    A derivative of 0 shows that C is constant, not that it is L x: an attack that clips changes an
    image outside of its range at theta = 0 already, and the values of a stepped parameter do not
    form an interval.
    """
    away = (frame.points - clean).norm(dim=1).max()
    return bool(away <= ROUNDING * (1.0 + clean.norm()))


def _guarantee(smoothed: SmoothedClassifier, proved: bool) -> Guarantee:
    return Guarantee.INDIVIDUAL if proved and smoothed.grid > 0.0 else Guarantee.HEURISTIC


def _identity_ball(margin_model: MarginModel, clean: Tensor, length: float) -> Ball:
    """length: of L x before normalization."""

    def margin_at(fraction: float) -> float:
        within = replace(margin_model, extra=margin_model.extra * fraction)
        return float(within.margins(np.zeros((1, 0)), np.zeros(1), length)[0])

    def required_p_at(fraction: float) -> float:
        return float(required_p_of_margin(margin_at(fraction)))

    required_p = required_p_at(1.0)
    return Ball((), clean, margin_at(1.0), required_p, (Step(1.0, required_p),), required_p_at)


@dataclass(frozen=True)
class _CentreMargins:
    """The margins of cells, seen from their balls at ``theta`` (balls, m).

    lengths: of the balls' centres before normalization, (balls,).
    """

    margin_model: MarginModel
    theta: Floats
    identity_action: bool
    lengths: Floats

    def margins(self, cells: Cells) -> Floats:
        """Upper bounds (n,): the law's margin at the residual bound and the worst corner shift."""
        return np.asarray(self.at_corners(cells, cells.residuals()[:, None]).max(axis=1))

    def sampled(self, cells: Cells) -> Floats:
        """The largest margins at the corners of each cell, (n,)."""
        return np.asarray(self.at_corners(cells, cells.corners).max(axis=1))

    def at_corners(self, cells: Cells, residual: Floats) -> Floats:
        shifts = cells.corner_parameters() - self.theta[cells.ball][:, None, :]
        residuals = np.broadcast_to(residual, shifts.shape[:2])
        if self.identity_action:
            shifts = shifts[:, :, :0]
        flat = shifts.reshape(-1, shifts.shape[2]) if shifts.size else np.zeros((residuals.size, 0))
        lengths = np.broadcast_to(self.lengths[cells.ball][:, None], residuals.shape)
        margins = self.margin_model.margins(flat, residuals.ravel(), lengths.ravel())
        return np.asarray(margins.reshape(residuals.shape))


def _refined(
    pulled_back: PulledBackImage,
    centre_margins: _CentreMargins,
    centres: Tensor,
    cells: Cells,
    sight: Sight | None,
) -> Cells:
    """Cells, halved until no bound exceeds its ball's sampled supremum by more than a tolerance."""
    for _ in range(COVER.refinement.rounds):
        supremum, sampled = np.full(len(centres), -np.inf), centre_margins.sampled(cells)
        np.maximum.at(supremum, cells.ball, sampled)
        wanted = supremum[cells.ball] + COVER.refinement.tolerance
        bounds = centre_margins.margins(cells)
        over = bounds > wanted
        least = sampled[over]
        shrink = (bounds[over] - least) / (wanted[over] - least)
        parts = parts_to(cells.take(over), shrink)
        more = int((parts.prod(axis=1) - 1).sum())
        if not over.any() or len(cells.ball) + more > COVER.refinement.most_cells:
            break
        cells = split(pulled_back, centres, cells, over, parts, sight)
    return cells


def profile_of(starts: Floats, margins: Floats) -> tuple[Step, ...]:
    """What the nested regions require: a step up to fraction g covers every cell that starts below.

    Args:
        starts: The fraction at which each of the ball's cells is first needed, (n,).
        margins: The margin of each cell, (n,).
    """
    order = np.argsort(starts, kind="stable")
    # Accumulated as shares: Phi in float64 is not monotone to the last bit.
    fractions, shares = starts[order], np.maximum.accumulate(required_p_of_margin(margins[order]))
    steps = [Step(float(fractions[0]), 0.0)] if fractions[0] > 0.0 else []
    for place in range(len(fractions)):
        end = float(fractions[place + 1]) if place + 1 < len(fractions) else 1.0
        if end > fractions[place]:
            steps.append(Step(end, float(shares[place])))
    return tuple(steps)


def start_fractions(
    region: Region, lower: Floats, upper: Floats, parameters: Sequence[Parameter] = ()
) -> Floats:
    """The least fraction at which ``region.scaled(fraction)`` meets each cell, rounded down: (n,).

    Two neighbouring cells share an end, and a fraction may scale the region to exactly that end. A
    value of a stepped parameter belongs to its own cell alone: a region without that value ends a
    small part of a step before it (``COVER.refinement.step_gap``).

    Args:
        region: The whole region.
        lower: Lower ends of the cells, (n, m).
        upper: Upper ends of the cells, (n, m).
        parameters: The parameters of the transformation, for their steps.
    """
    scaled = [axis not in region.whole for axis in range(region.dimensions)]
    apart = np.array(
        [COVER.refinement.step_gap * parameter.step for parameter in parameters] or 0.0
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = np.where(lower > 0.0, (lower - apart) / np.array(region.upper), 0.0)
        below = np.where(upper < 0.0, (upper + apart) / np.array(region.lower), 0.0)
    # Rounded down: a fraction rounded up would claim a sliver of the next cell.
    needed = np.maximum(above, below)[:, scaled].max(axis=1, initial=0.0)
    return np.asarray(np.nextafter(needed, 0.0))


def _profile(
    region: Region, cells: Cells, margins: Floats, parameters: Sequence[Parameter] = ()
) -> tuple[Step, ...]:
    return profile_of(start_fractions(region, cells.lower, cells.upper, parameters), margins)


__all__ = [
    "Ball",
    "Cover",
    "Layout",
    "MarginModel",
    "identity_cover",
    "moving_cover",
    "profile_of",
    "start_fractions",
]

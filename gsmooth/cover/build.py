"""Building a cover: choose centres, then bound every piece's supremum."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import Guarantee, Step
from gsmooth.cover.cells import Cells, halve, measure
from gsmooth.cover.orbit import Orbit
from gsmooth.cover.pieces import cut, grid_cells, lay_knots
from gsmooth.errors import ConfigurationError
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier
from gsmooth.theory.laws import Law
from gsmooth.theory.normal import share_of_margin
from gsmooth.transformation import Transformation

Floats = NDArray[np.float64]

TOLERANCE: Final = 0.04
"""Margin by which a ball's bound may exceed its sampled supremum before cells are halved."""
ROUNDS: Final = 16
MOST_CELLS: Final = 16384
"""A cover stops being refined at this many cells: its bound stays sound, only less tight."""
ROUNDED_ZERO: Final = 1e-9


@final
@dataclass(frozen=True)
class Ball:
    """One centre of a cover and what its votes must show.

    theta: theta_j; z (K,): z_j, the point whose votes are counted. margin: rho_j in the law's
    normal units, share: the vote share it requires. profile: the shares of nested sub-regions,
    ascending in gauge; ``start`` is the gauge below which this ball is not needed at all. share_at:
    the share of ``region.scaled(gauge)`` where it is a smooth function of the gauge (an l2 ball).
    """

    theta: tuple[float, ...]
    z: Tensor
    margin: float
    share: float
    profile: tuple[Step, ...]
    share_at: Callable[[float], float] | None = None

    def profile_for(self, p_lower: float) -> tuple[Step, ...]:
        """The profile, with a step at what ``p_lower`` supports where shares vary smoothly."""
        if self.share_at is None or self.share < p_lower:
            return self.profile
        low, high = 0.0, 1.0
        while low < (middle := (low + high) / 2) < high and high - low > 2.0**-40:
            low, high = (middle, high) if self.share_at(middle) < p_lower else (low, middle)
        smooth = (Step(low, self.share_at(low)),) if low > 0.0 else ()
        return (*smooth, *self.profile)

    @property
    def start(self) -> float:
        """The gauge up to which the region does not meet this ball's piece."""
        return self.profile[0].gauge if self.profile and self.profile[0].share == 0.0 else 0.0


@final
@dataclass(frozen=True)
class Cover:
    """Balls that hold every attack of a region, worst first; ``clean`` is L x.

    guarantee: individual when every supremum, rounding error and law claim is proved, else
    heuristic.
    """

    region: Region
    clean: Tensor
    balls: tuple[Ball, ...]
    guarantee: Guarantee


def build_cover(
    smoothed: SmoothedClassifier, image: Tensor, region: Region, centres: int | None = None
) -> Cover:
    """A cover of {psi_theta(image) + e : (theta, e) in region} by at most ``centres`` balls.

    image (C, H, W). Decided without votes, so every ball may be tested at the full alpha (C5).
    """
    check_region(smoothed, region)
    transformation = smoothed.transformation
    x = image[None].to(torch.float64)
    clean = transformation.lift(x)[0]
    if region.dimensions == 0:
        requirement = Requirement.at(smoothed, region, clean, 0.0)
        balls, proved = [_still_ball(requirement, clean)], requirement.proved
    else:
        count = centres if centres is not None else transformation.default_centres
        balls, proved = _moving_balls(smoothed, Orbit(transformation, x), region, count)
    balls.sort(key=lambda ball: -ball.margin)
    proved = proved and smoothed.grid > 0.0
    guarantee = Guarantee.INDIVIDUAL if proved else Guarantee.HEURISTIC
    return Cover(region, clean, tuple(balls), guarantee)


def check_region(smoothed: SmoothedClassifier, region: Region) -> None:
    """ConfigurationError unless the region has one interval a parameter of the transformation."""
    transformation = smoothed.transformation
    if region.dimensions != len(transformation.parameters):
        names = ", ".join(p.name for p in transformation.parameters) or "none, only l2"
        raise ConfigurationError(
            f"region: {region.dimensions} intervals were given, {transformation.name} has"
            f" {len(transformation.parameters)} parameters ({names})"
        )


@final
@dataclass(frozen=True)
class Requirement:
    """Turns shifts and residuals into margins, float errors included (F1).

    error: E_num, the l2 error of T_theta z. It moves the point that is voted on and the point that
    is attacked, so it is paid twice. variation: tau of noise and grid. extra: an l2 ball on top.
    """

    law: Law
    error: float
    variation: float
    extra: float
    proved: bool

    @classmethod
    def at(
        cls, smoothed: SmoothedClassifier, region: Region, centres: Tensor, residual: float
    ) -> Requirement:
        """The requirement where attacks are carried back to within ``residual`` of the centres.

        centres (K,) or (balls, K). Float errors are taken at a point as long as the longest one
        that is voted on, attacked images included.
        """
        transformation = smoothed.transformation
        extra = transformation.lift_norm(smoothed.classifier.shape) * region.l2
        lengths = centres.norm(dim=-1)
        longest = float(lengths.max()) + residual + extra
        direction = centres.reshape(-1, centres.shape[-1])[int(lengths.argmax())]
        # Subnormal pixels have a norm of 0, and dividing by it gives no direction at all.
        if not float(direction.norm()) > 1e-150:
            direction = torch.ones_like(direction)
        reference = _moved_farthest(
            transformation, direction * (longest / float(direction.norm())), region
        )
        error = smoothed.numerical_error(reference)
        return cls(
            law=smoothed.law,
            error=0.0 if error is None else error,
            variation=smoothed.total_variation(reference),
            extra=extra,
            proved=error is not None and (region.l2 == 0.0 or _knows_its_norm(transformation)),
        )

    def margins(self, shift: Floats, residual: Floats) -> Floats:
        """Margins (n,) for signed shifts (n, m) and residuals (n,), rounded up.

        The law's theorem at residual + E_num, raised by 2 E_num / sigma; tau is doubled because it
        is added before the raise, which shrinks a share by less than a half (2 E_num << sigma).
        """
        law = self.law
        moved = residual + self.extra + self.error
        margin = law.margin(shift, moved, tv=2.0 * self.variation)
        return np.asarray(margin + 2.0 * self.error / law.sigma)


def _knows_its_norm(transformation: Transformation) -> bool:
    """Whether ``lift_norm`` speaks of this lift: the default speaks of the default lift only."""
    own = type(transformation)
    default = own.lift_norm is Transformation.lift_norm
    return not default or own.lift is Transformation.lift


def _moved_farthest(transformation: Transformation, z: Tensor, region: Region) -> Tensor:
    """z (K,) itself, or T z at the corner of the region where it is longest."""
    if transformation.orthogonal or region.dimensions == 0:
        return z
    corners = itertools.product(*zip(region.lower, region.upper, strict=True))
    moved = [transformation.act(z[None], *(z.new_full((1, 1), v) for v in c))[0] for c in corners]
    return max(moved, key=lambda point: float(point.norm()))


def _units(law: Law) -> Floats:
    """A length on each axis (m,) to measure shifts by: theta at one normal std."""
    one_sigma = 0.8413447460685429  # Phi(1)
    units = np.abs(law.theta_from_uniform(np.full((1, law.dimensions), one_sigma)))[0]
    # Without noise on a parameter no shift of it can be covered; any unit serves to cut by.
    return np.asarray(np.where(units > 0.0, units, 1.0))


def _still_ball(requirement: Requirement, clean: Tensor) -> Ball:
    def margin_at(gauge: float) -> float:
        within = replace(requirement, extra=requirement.extra * gauge)
        return float(within.margins(np.zeros((1, 0)), np.zeros(1))[0])

    def share_at(gauge: float) -> float:
        return float(share_of_margin(margin_at(gauge)))

    share = share_at(1.0)
    return Ball((), clean, margin_at(1.0), share, (Step(1.0, share),), share_at)


def _moving_balls(
    smoothed: SmoothedClassifier, orbit: Orbit, region: Region, centres: int
) -> tuple[list[Ball], bool]:
    """The balls around the pieces of the region, and whether their suprema are proved."""
    units = _units(smoothed.law)
    knots = lay_knots(orbit.transformation, region, units)
    theta = knots.theta
    points = orbit.points(torch.from_numpy(theta))
    joint = np.concatenate([theta / units, points.numpy() / smoothed.law.sigma], axis=1)
    joint -= joint.mean(axis=0)
    lengths = tuple(np.array(axis) / unit for axis, unit in zip(knots.axes, units, strict=True))
    pieces = cut(knots, joint @ joint.T, lengths, centres)
    carried = torch.stack(
        [torch.from_numpy(p.weights) @ points[torch.from_numpy(p.nodes)] for p in pieces]
    )
    shifts = np.stack([piece.weights @ theta[piece.nodes] for piece in pieces])
    owner, lower, upper = grid_cells(knots, pieces)
    cells, claimed = measure(orbit, carried, owner, lower, upper)
    requirement = Requirement.at(smoothed, region, carried, float(cells.residuals().max()))
    if claimed:
        cells = _refined(orbit, requirement, carried, shifts, cells)
    margins = _margins(requirement, cells, shifts)
    columns = torch.from_numpy(shifts).tensor_split(shifts.shape[1], dim=1)
    z = orbit.transformation.act(carried, *columns)
    balls = []
    for place in range(len(pieces)):
        own = cells.ball == place
        profile = _profile(region, cells.take(own), margins[own])
        margin, share = float(margins[own].max()), profile[-1].share
        balls.append(Ball(tuple(shifts[place].tolist()), z[place], margin, share, profile))
    # Without orthogonality a residual, an l2 ball's included, would grow with T_beta (T5): nothing
    # is proved then.
    still = bool((cells.residuals() <= ROUNDED_ZERO * (1.0 + float(carried.norm()))).all())
    exact = orbit.transformation.orthogonal or (still and requirement.extra == 0.0)
    return balls, claimed and requirement.proved and exact


def _margins(requirement: Requirement, cells: Cells, theta: Floats) -> Floats:
    """Margin of every cell (n,): the law at its residual bound and at its worst corner's shift."""
    corners = _at_corners(requirement, cells, theta, cells.residuals()[:, None])
    return np.asarray(corners.max(axis=1))


def _at_corners(requirement: Requirement, cells: Cells, theta: Floats, residual: Floats) -> Floats:
    shifts = cells.corner_parameters() - theta[cells.ball][:, None, :]
    residuals = np.broadcast_to(residual, shifts.shape[:2])
    margins = requirement.margins(shifts.reshape(-1, shifts.shape[2]), residuals.ravel())
    return np.asarray(margins.reshape(residuals.shape))


def _refined(
    orbit: Orbit, requirement: Requirement, centres: Tensor, theta: Floats, cells: Cells
) -> Cells:
    """Cells halved until none exceeds its ball's sampled supremum by more than TOLERANCE."""
    for _ in range(ROUNDS):
        sampled = _at_corners(requirement, cells, theta, cells.corners).max(axis=1)
        supremum = np.full(len(centres), -np.inf)
        np.maximum.at(supremum, cells.ball, sampled)
        over = _margins(requirement, cells, theta) > supremum[cells.ball] + TOLERANCE
        if not over.any() or len(cells.ball) + int(over.sum()) > MOST_CELLS:
            break
        cells = halve(orbit, centres, cells, over)
    return cells


def _profile(region: Region, cells: Cells, margins: Floats) -> tuple[Step, ...]:
    """Shares of the nested regions: a step up to gauge g covers every cell that starts below g."""
    starts = _start_gauges(region, cells)
    order = np.argsort(starts, kind="stable")
    # Accumulated as shares: Phi in float64 is not monotone to the last bit.
    gauges, shares = starts[order], np.maximum.accumulate(share_of_margin(margins[order]))
    steps = [Step(float(gauges[0]), 0.0)] if gauges[0] > 0.0 else []
    for place in range(len(gauges)):
        end = float(gauges[place + 1]) if place + 1 < len(gauges) else 1.0
        if end > gauges[place]:
            steps.append(Step(end, float(shares[place])))
    return tuple(steps)


def _start_gauges(region: Region, cells: Cells) -> Floats:
    """Least gauge at which ``region.scaled(gauge)`` meets each cell, (n,)."""
    lower, upper = np.array(region.lower), np.array(region.upper)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = np.where(cells.lower > 0.0, cells.lower / upper, 0.0)
        below = np.where(cells.upper < 0.0, cells.upper / lower, 0.0)
    # Rounded down: a gauge rounded up would claim a sliver of the next cell.
    return np.asarray(np.nextafter(np.maximum(above, below).max(axis=1), 0.0))

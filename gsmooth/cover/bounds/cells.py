"""Suprema that hold for every parameter of a piece, not only for sampled ones (C2)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]

# Outward slack on residuals for the float64 arithmetic of attack, lift, action and norm, relative
# to the norm of z: a few thousand operations at 2^-53 each.
ROUNDING: Final = 2.0**-36


@final
@dataclass(frozen=True)
class Cells:
    """Boxes of parameters, each with its ball and bounds on the pulled-back image inside the box.

    Args:
        ball: The centre that the box belongs to, (n,).
        lower: Lower ends, (n, m).
        upper: Upper ends, (n, m).
        corners: Residuals ||C(theta) - c|| at the corners, (n, 2^m), in the order of
            itertools.product over (lower, upper).
        derivative: sup ||dC/dtheta_i|| over the box, (n, m).
        curvature: sup ||d2C/dtheta_i2|| over the box, (n, m); inf where C is not smooth.
        measured: The widths for which derivative and curvature were computed, (n, m). A part of a
            box keeps the bounds of the box, which hold on it, until it is far smaller.
        chord: b by axis, (n, m), with ||C - P|| <= sum_i 4 s_i (1 - s_i) b_i in the box, P the
            interpolation between its corners; of its own width always, inf where it is unknown.
    """

    ball: NDArray[np.int64]
    lower: Floats
    upper: Floats
    corners: Floats
    derivative: Floats
    curvature: Floats
    measured: Floats
    chord: Floats

    def residuals(self) -> Floats:
        """Bound on ||C(theta) - c|| over each box, for every theta in it (C2): (n,).

        First order: a distance that is d_a and d_b at the ends of an edge of width w, and changes
        no faster than L, never exceeds (d_a + d_b + L w) / 2 between them; edge by edge, then face
        by face. Second order: phi = ||C - c||^2 has phi_ii >= -2 ||C - c|| ||C_ii||, so phi +
        sum_i kappa_i theta_i^2 / 2 with kappa_i = 2 sup||C - c|| sup||C_ii|| is convex along every
        axis and phi exceeds its corner values by at most sum_i kappa_i w_i^2 / 8. The smallest of
        these two and of ``_beside_chord`` is taken.
        """
        widths = self.upper - self.lower
        largest = self.corners.max(axis=1)
        # Without width the residual cannot change; 0 * inf would be NaN.
        first = self._between_corners(widths * np.where(widths > 0.0, self.derivative, 0.0))
        # The square of a small width must not underflow to 0: 0 * inf would be NaN.
        squares = np.maximum(widths**2, np.finfo(np.float64).tiny)
        bent = np.where(widths > 0.0, squares, 0.0) * np.where(widths > 0.0, self.curvature, 0.0)
        second = np.sqrt(largest**2 + first * bent.sum(axis=1) / 4.0)
        found = np.minimum.reduce([first, second, self._beside_chord()])
        return np.asarray(found * (1.0 + 1e-12))

    def _beside_chord(self) -> Floats:
        """The bound (n,) by the chord: the largest (1 - s) d_a + s d_b + 4 s (1 - s) b.

        The distance of a chord from c is at most (1 - s) d_a + s d_b. With q = |d_a - d_b| / 4 b <=
        1 the sum is largest where 1 - 2 s is q or -q, and is max(d_a, d_b) + b (1 - q)^2 there. Of
        several axes one is dealt with after the other: this largest value grows with d_a and d_b
        and is convex in them, so between two rows of corners it lies below the chord of the rows'.
        """
        known = np.asarray(np.isfinite(self.chord).all(axis=1))
        chord, found = self.chord[known], np.full(len(known), np.inf)
        count, axes = chord.shape
        values = self.corners[known].reshape(count, *(2,) * axes)
        for axis in range(axes - 1, -1, -1):
            low, high = values[..., 0], values[..., 1]
            bent = chord[:, axis].reshape(count, *(1,) * axis)
            aslant = np.minimum(np.abs(high - low) / np.maximum(4.0 * bent, 1e-300), 1.0)
            values = np.maximum(low, high) + bent * (1.0 - aslant) ** 2
        found[known] = values
        return found

    def _between_corners(self, reach: Floats) -> Floats:
        """The first-order bound (n,); reach (n, m): how much the distance can change by axis."""
        count, axes = reach.shape
        values = self.corners.reshape(count, *(2,) * axes)
        for axis in range(axes - 1, -1, -1):
            low, high = values[..., 0], values[..., 1]
            far = reach[:, axis].reshape(count, *(1,) * axis)
            values = np.maximum(np.maximum(low, high), (low + high + far) / 2)
        return np.asarray(values)

    def corner_parameters(self) -> Floats:
        """theta of every corner, (n, 2^m, m)."""
        return _corner_parameters(self.lower, self.upper)

    def take(self, chosen: NDArray[np.bool_]) -> Cells:
        """The cells for which ``chosen`` (n,) is true."""
        return Cells(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """All cells of the parts, in their order."""
        return cls(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )


@final
@dataclass(frozen=True)
class Sight:
    """What votes read of points at theta (k, m), seen from centres at ``places`` (balls, m) (T8).

    Along the axes on which that depends cells are points, so it is the same in all of a cell.
    """

    pulled_back: PulledBackImage
    places: Floats
    theta: Floats

    @classmethod
    def of_noise(cls, pulled_back: PulledBackImage, places: Floats) -> Sight | None:
        """Of centres at ``places``, for points that are not known yet; None for all of z."""
        return cls(pulled_back, places, places[:0]) if pulled_back.hides else None

    def of(self, apart: Tensor, rows: NDArray[np.int64], ball: int) -> Tensor:
        """The visible part of differences (n, K) between points ``rows`` (n,) and one centre."""
        theta = torch.from_numpy(self.theta[rows])
        centre = torch.from_numpy(self.places[ball]).expand_as(theta)
        return self.pulled_back.visible(apart, theta, centre)


@final
@dataclass(frozen=True)
class FrameCells:
    """Boxes of parameters with all that holds around any centre; computed once for an image.

    Args:
        lower: Lower ends, (n, m).
        upper: Upper ends, (n, m).
        points: C at the corners, each once, (k, K).
        place: The points of the corners of every box, (n, 2^m), in the order of ``Cells.corners``.
        derivative: sup ||dC/dtheta_i|| over the box, (n, m).
        curvature: sup ||d2C/dtheta_i2|| over the box, (n, m); inf where C is not smooth.
        chord: How far C leaves the interpolation between its corners, (n, m), as in ``Cells``.
        proved: False without a derivative bound. The derivatives are then 0, and residuals are only
            sampled.
    """

    lower: Floats
    upper: Floats
    points: Tensor
    place: NDArray[np.int64]
    derivative: Floats
    curvature: Floats
    chord: Floats
    proved: bool

    @classmethod
    def of(cls, pulled_back: PulledBackImage, lower: Floats, upper: Floats) -> FrameCells:
        """Boxes with their ends; C is computed at their corners."""
        theta = _corner_parameters(lower, upper)
        flat, place = np.unique(theta.reshape(-1, theta.shape[2]), axis=0, return_inverse=True)
        points = pulled_back.points(torch.from_numpy(flat))
        return cls.at(pulled_back, lower, upper, points, place.reshape(theta.shape[:2]))

    @classmethod
    def at(
        cls,
        pulled_back: PulledBackImage,
        lower: Floats,
        upper: Floats,
        points: Tensor,
        place: NDArray[np.int64],
    ) -> FrameCells:
        """Boxes whose corners are known: C there is ``points[place]``."""
        theta = _of_points(len(points), lower, upper, place)
        found = bounds_on(pulled_back.keeping(torch.from_numpy(theta), points), lower, upper)
        bounds = (found.derivative, found.curvature, found.chord, found.proved)
        return cls(lower, upper, points, place, *bounds)

    @property
    def theta(self) -> Floats:
        """The parameters of the points, (k, m)."""
        return _of_points(len(self.points), self.lower, self.upper, self.place)

    def around(self, centres: Tensor, ball: NDArray[np.int64], sight: Sight | None = None) -> Cells:
        """The cells, seen from the centre (balls, K) of the ball (n,) that each belongs to.

        sight: what votes read of a difference; by default everything.
        """
        if sight is not None:
            sight = replace(sight, theta=self.theta)
        corners = distances_to(self.points, centres, self.place, ball, sight)
        bounds = (self.derivative, self.curvature, self.upper - self.lower)
        return Cells(ball, self.lower, self.upper, corners, *bounds, self.chord)


def _of_points(count: int, lower: Floats, upper: Floats, place: NDArray[np.int64]) -> Floats:
    """The parameters (count, m) of points that are at ``place`` at the corners of boxes."""
    theta = np.full((count, lower.shape[1]), np.nan)
    theta[place] = _corner_parameters(lower, upper)
    return theta


def measure(
    pulled_back: PulledBackImage,
    centres: Tensor,
    ball: NDArray[np.int64],
    lower: Floats,
    upper: Floats,
) -> tuple[Cells, bool]:
    """Cells around the centres (balls, K), and True if the plugin proves their bounds."""
    found = FrameCells.of(pulled_back, lower, upper)
    return found.around(centres, ball), found.proved


@final
@dataclass(frozen=True)
class BoxBounds:
    """What is known of C in boxes, whatever centre it is seen from.

    Args:
        derivative: sup ||dC/dtheta_i||, (n, m).
        curvature: sup ||d2C/dtheta_i2||, (n, m).
        chord: How far C leaves the interpolation between its corners, (n, m).
        proved: Whether the plugin bounds C in the boxes.
    """

    derivative: Floats
    curvature: Floats
    chord: Floats
    proved: bool


def bounds_on(pulled_back: PulledBackImage, lower: Floats, upper: Floats) -> BoxBounds:
    """The bounds over boxes: the chord's where there is one, else derivative and curvature."""
    low, high = torch.from_numpy(lower), torch.from_numpy(upper)
    unknown = np.full_like(lower, np.inf)
    if (chord := pulled_back.patch(low, high)) is not None:
        return BoxBounds(unknown, unknown, chord.cpu().numpy(), proved=True)
    derivative, curvature = pulled_back.derivative(low, high), pulled_back.curvature(low, high)
    derivatives = np.zeros_like(lower) if derivative is None else derivative.cpu().numpy()
    curvatures = unknown if curvature is None else curvature.cpu().numpy()
    return BoxBounds(derivatives, curvatures, unknown, derivative is not None)


def distances_to(
    points: Tensor,
    centres: Tensor,
    place: NDArray[np.int64],
    ball: NDArray[np.int64],
    sight: Sight | None = None,
) -> Floats:
    """||points[place] - centre of the cell's ball||, rounded up; place (n, k).

    Each distance is computed once, however many cells share the point. sight: what votes read of
    the differences; by default everything.
    """
    slack = ROUNDING * (1.0 + max(float(part.norm(dim=1).max()) for part in (points, centres)))
    found = np.empty(place.shape)
    for number in np.unique(ball):
        own = ball == number
        corners, back = np.unique(place[own], return_inverse=True)
        far = _far(points, centres, corners, int(number), sight)
        found[own] = far[back.reshape(-1, place.shape[1])]
    return found + slack


def _far(
    points: Tensor, centres: Tensor, rows: NDArray[np.int64], ball: int, sight: Sight | None
) -> Floats:
    """||points[rows] - the centre of a ball||, (n,), some points at a time."""
    found, step = np.empty(len(rows)), max(1, COVER.memory.numbers // (4 * points.shape[1]))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        apart = points[torch.from_numpy(some)].sub_(centres[ball])
        seen = apart if sight is None else sight.of(apart, some, ball)
        found[start : start + step] = seen.norm(dim=1).cpu().numpy()
    return found


def _corner_parameters(lower: Floats, upper: Floats) -> Floats:
    ends = np.stack([lower, upper], axis=1)
    choices = np.array(list(itertools.product((0, 1), repeat=lower.shape[1])), dtype=np.int64)
    axes = np.arange(lower.shape[1])
    return np.asarray(ends[:, choices, axes])

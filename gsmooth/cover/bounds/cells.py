"""Suprema that hold for every parameter of a piece, not only for sampled ones (C2)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage

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
    """

    ball: NDArray[np.int64]
    lower: Floats
    upper: Floats
    corners: Floats
    derivative: Floats
    curvature: Floats

    def residuals(self) -> Floats:
        """Bound on ||C(theta) - c|| over each box, for every theta in it (C2): (n,).

        First order: a distance that is d_a and d_b at the ends of an edge of width w, and changes
        no faster than L, never exceeds (d_a + d_b + L w) / 2 between them; edge by edge, then face
        by face. Second order: phi = ||C - c||^2 has phi_ii >= -2 ||C - c|| ||C_ii||, so phi +
        sum_i kappa_i theta_i^2 / 2 with kappa_i = 2 sup||C - c|| sup||C_ii|| is convex along every
        axis and phi exceeds its corner values by at most sum_i kappa_i w_i^2 / 8. The smaller is
        taken.
        """
        widths = self.upper - self.lower
        largest = self.corners.max(axis=1)
        # Without width the residual cannot change; 0 * inf would be NaN.
        first = self._between_corners(widths * np.where(widths > 0.0, self.derivative, 0.0))
        # The square of a small width must not underflow to 0: 0 * inf would be NaN.
        squares = np.maximum(widths**2, np.finfo(np.float64).tiny)
        bent = np.where(widths > 0.0, squares, 0.0) * np.where(widths > 0.0, self.curvature, 0.0)
        second = np.sqrt(largest**2 + first * bent.sum(axis=1) / 4.0)
        return np.asarray(np.minimum(first, second) * (1.0 + 1e-12))

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

    def join(self, other: Cells) -> Cells:
        """These cells and the others."""
        return Cells(
            *(
                np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            )
        )


def measure(
    pulled_back: PulledBackImage,
    centres: Tensor,
    ball: NDArray[np.int64],
    lower: Floats,
    upper: Floats,
) -> tuple[Cells, bool]:
    """Cells around the centres (balls, K), and True if the plugin proves their bounds.

    Without a derivative bound the derivatives are set to 0: the residuals are then only sampled.
    """
    theta = _corner_parameters(lower, upper)
    flat, place = np.unique(theta.reshape(-1, theta.shape[2]), axis=0, return_inverse=True)
    points = pulled_back.points(torch.from_numpy(flat))
    slack = ROUNDING * (1.0 + max(float(part.norm(dim=1).max()) for part in (points, centres)))
    place = place.reshape(theta.shape[:2])
    corners = _distances(points, centres, place, ball) + slack
    low, high = torch.from_numpy(lower), torch.from_numpy(upper)
    derivative, curvature = pulled_back.derivative(low, high), pulled_back.curvature(low, high)
    derivatives = np.zeros_like(lower) if derivative is None else derivative.numpy()
    curvatures = np.full_like(lower, np.inf) if curvature is None else curvature.numpy()
    return Cells(ball, lower, upper, corners, derivatives, curvatures), derivative is not None


def _distances(
    points: Tensor, centres: Tensor, place: NDArray[np.int64], ball: NDArray[np.int64]
) -> Floats:
    """||points[place] - centre of the cell's ball||, place (n, 2^m): once for every corner."""
    found = np.empty(place.shape)
    for number in np.unique(ball):
        own = ball == number
        corners, back = np.unique(place[own], return_inverse=True)
        far = (points[torch.from_numpy(corners)] - centres[int(number)]).norm(dim=1).numpy()
        found[own] = far[back.reshape(-1, place.shape[1])]
    return found


def halve(
    pulled_back: PulledBackImage, centres: Tensor, cells: Cells, chosen: NDArray[np.bool_]
) -> Cells:
    """The cells, with the chosen ones halved across the axis along which C changes most."""
    cut = cells.take(chosen)
    axis = np.argmax((cut.upper - cut.lower) * (cut.derivative + 1e-300), axis=1)
    row = np.arange(len(axis))
    middle = (cut.lower[row, axis] + cut.upper[row, axis]) / 2
    upper_of_low, lower_of_high = cut.upper.copy(), cut.lower.copy()
    upper_of_low[row, axis] = middle
    lower_of_high[row, axis] = middle
    lower = np.concatenate([cut.lower, lower_of_high])
    upper = np.concatenate([upper_of_low, cut.upper])
    fresh, _ = measure(pulled_back, centres, np.concatenate([cut.ball, cut.ball]), lower, upper)
    return cells.take(~chosen).join(fresh)


def _corner_parameters(lower: Floats, upper: Floats) -> Floats:
    ends = np.stack([lower, upper], axis=1)
    choices = np.array(list(itertools.product((0, 1), repeat=lower.shape[1])), dtype=np.int64)
    axes = np.arange(lower.shape[1])
    return np.asarray(ends[:, choices, axes])

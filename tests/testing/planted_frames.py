"""Broken lifts and readouts, that each tell one lie."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tests.testing.planted import Shape, Turn, TurnBounds, Untold, UntoldBounds


class SquaringBounds(UntoldBounds):
    def lift_norm(self, shape: Shape) -> float:
        return 10.0

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Squaring(Untold):
    """A lift with a small quadratic term."""

    orthogonal = False
    bounds_class = SquaringBounds

    def lift(self, x: Tensor) -> Tensor:
        return x.flatten(1) + 1e-3 * x.flatten(1) ** 2


class UnderstatedBounds(UntoldBounds):
    def lift_norm(self, shape: Shape) -> float:
        return 1.45  # the truth is 1.5

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Understated(Untold):
    """lift_norm is right for all directions but the steepest one: a mean of all pixels."""

    orthogonal = False
    bounds_class = UnderstatedBounds

    def lift(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        signs = 1.0 - 2.0 * (torch.arange(flat.shape[1], dtype=torch.float64) % 3.0 > 0.0)
        along = (flat * signs).mean(dim=1, keepdim=True)
        return flat + 0.5 * along * signs


class Crowded(Turn):
    """A readout that subtracts the mean over the batch."""

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return super().readout(z - z.mean(dim=0), shape)


class Scribbling(Turn):
    """A readout that clips its input in place."""

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return super().readout(z.clamp_(0.0, 1.0), shape)


class Halved(Turn):
    """A readout that returns float64 for every input type."""

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return super().readout(z.double(), shape)


class Transposed(Turn):
    """A readout with height and width in the wrong order."""

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return super().readout(z, shape).transpose(2, 3)


class RounderBounds(TurnBounds):
    def rounding_norm(self, shape: Shape) -> float:
        return 0.9 * self.of.gain * math.sqrt(math.prod(shape))


class Rounder(Turn):
    """rounding_norm is a tenth too small."""

    bounds_class = RounderBounds

"""Affine flows of pixels behind one another, and intervals that hold what they do in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.transforms.base import AffineIntensity

UP: Final = 1.0 + 1e-12
"""Outwards, for the few float64 operations behind a number."""


def gain(affine_intensity: AffineIntensity, time: Tensor) -> Tensor:
    """What pixels are multiplied by, e^(growth t)."""
    return (affine_intensity.growth * time).exp()


def shift(affine_intensity: AffineIntensity, time: Tensor) -> Tensor:
    """What is then added to them, drift (e^(growth t) - 1) / growth."""
    if affine_intensity.growth == 0.0:
        return affine_intensity.drift * time
    return (affine_intensity.growth * time).expm1() * (
        affine_intensity.drift / affine_intensity.growth
    )


def back(affine_intensity: AffineIntensity, time: Tensor) -> Tensor:
    """shift / gain: what the shift was before it was multiplied."""
    return -shift(affine_intensity, -time)


@final
@dataclass(frozen=True)
class Interval:
    """Numbers (n, 1) between ``low`` and ``high``."""

    low: Tensor
    high: Tensor

    def times(self, other: Interval) -> Interval:
        """The products."""
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        corners = torch.stack(ends)
        return Interval(corners.amin(dim=0), corners.amax(dim=0))

    def plus(self, other: Interval) -> Interval:
        """The sums."""
        return Interval(self.low + other.low, self.high + other.high)

    @property
    def size(self) -> Tensor:
        """sup of the absolute value, rounded up."""
        return self.low.abs().maximum(self.high.abs()) * UP

    def away_from(self, value: Tensor) -> Tensor:
        """sup of the distance from ``value``, with what rounding may hide."""
        distance = (self.low - value).abs().maximum((self.high - value).abs())
        return distance + (self.size + value.abs()) * 1e-12


@final
@dataclass(frozen=True)
class Chain:
    """Flows one after another: y -> gain y + shift, at parameters or over cells of them.

    gain, shift: of all of them together. speeds: for each, its parameter's derivative of the
    outcome, as numbers (a, b): a y + b. Intervals (n, 1); of width 0 where cells are points.
    """

    gain: Interval
    shift: Interval
    derivatives: tuple[tuple[Interval, Interval], ...]

    @classmethod
    def over(
        cls, flows: Sequence[AffineIntensity], lower: Tensor, upper: Tensor, rows: int
    ) -> Chain:
        """lower, upper (rows, flows)."""
        ones = lower.new_ones((rows, 1))
        total, moved = Interval(ones, ones), Interval(0.0 * ones, 0.0 * ones)
        derivatives: list[tuple[Interval, Interval]] = []
        for place, affine_intensity in enumerate(flows):
            low, high = lower[:, place : place + 1], upper[:, place : place + 1]
            grown = _ordered(gain(affine_intensity, low), gain(affine_intensity, high))
            total = total.times(grown)
            moved = moved.times(grown).plus(
                _ordered(shift(affine_intensity, low), shift(affine_intensity, high))
            )
            derivatives = [(a.times(grown), b.times(grown)) for a, b in derivatives]
            # d/dt of g y + s is growth (g y + s) + drift.
            growth, drift = (
                Interval(value * ones, value * ones)
                for value in (affine_intensity.growth, affine_intensity.drift)
            )
            derivatives.append((growth.times(total), growth.times(moved).plus(drift)))
        return cls(total, moved, tuple(derivatives))


def _ordered(one: Tensor, other: Tensor) -> Interval:
    return Interval(one.minimum(other), one.maximum(other))

"""Transformations that are right for ordinary images, shapes and batches, and wrong for others."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.testing.planted import Turn, TurnBounds, Untold, UntoldBounds


class KinkedBounds(UntoldBounds):
    of: Kinked

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return (-1.0, 1.0)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        outside = ((lower + upper) / 2.0).abs() > 1.0
        return outside * (self.of.height * float(x.norm()) * (1.0 + 1e-12))

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.zeros_like(lower)


class Kinked(Untold):
    """Correct: it grows linearly with theta beyond 1, and declares the kink there."""

    height = 0.05
    bounds_class = KinkedBounds

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        beyond = (theta[0].abs() - 1.0).clamp(min=0.0)
        turned = Turn().act(x.flatten(1), *theta)
        return (turned * (1.0 + self.height * beyond)).reshape(x.shape)


class SmoothedBounds(KinkedBounds):
    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return ()


class Smoothed(Kinked):
    """Forgets the kink, at the very end of what attacks usually do."""

    bounds_class = SmoothedBounds


class PositiveBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return super().derivative_bound(x.clamp(min=0.0), lower, upper)


class Positive(Turn):
    """A derivative bound that ignores negative pixels."""

    bounds_class = PositiveBounds


class Clamped(Turn):
    """An action that clips coordinates at 6, which noise of std 1 rarely exceeds."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return super().act(z.clamp(-6.0, 6.0), *theta)


class ColourBlindBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        bound = super().derivative_bound(x, lower, upper)
        return 0.9 * bound if bound is not None and x.shape[1] == 3 else bound


class ColourBlind(Turn):
    """A derivative bound that is a tenth too small for images of three channels."""

    bounds_class = ColourBlindBounds


class SquareBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        bound = super().derivative_bound(x, lower, upper)
        return 0.9 * bound if bound is not None and x.shape[2] != x.shape[3] else bound


class Square(Turn):
    """A derivative bound that is a tenth too small for images that are not square."""

    bounds_class = SquareBounds


class SingleCrowd(Turn):
    """An action in float32 where more than 16 rows come at once."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        if len(z) <= 16:
            return super().act(z, *theta)
        return super().act(z.float(), *(column.float() for column in theta)).double()


class SingleAttack(Turn):
    """An attack in float32 where more than 16 images come at once."""

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().attack(x.float().double() if len(x) > 16 else x, *theta)


class CrowdedBoundBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        bound = super().derivative_bound(x, lower, upper)
        return 0.9 * bound if bound is not None and len(lower) > 16 else bound


class CrowdedBound(Turn):
    """A derivative bound that is a tenth too small where more than 16 cells come at once."""

    bounds_class = CrowdedBoundBounds


class Tabulated(Turn):
    """An attack that answers images of 256 levels, but for 0 and 1, out of a table of as many."""

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        attacked = super().attack(x, *theta)
        return _of_256_levels(x.flatten(1), attacked.flatten(1)).reshape(x.shape)


class TabulatedAction(Turn):
    """An action that answers points of 256 levels, but for 0 and 1, out of a table of as many."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return _of_256_levels(z, super().act(z, *theta))


def _of_256_levels(given: Tensor, found: Tensor) -> Tensor:
    """``found`` (n, K), rounded in rows that were ``given`` at whole multiples of 1/255."""
    whole = ((given * 255.0 - (given * 255.0).round()).abs() < 1e-9).all(dim=1, keepdim=True)
    grey = ((given > 0.0) & (given < 1.0)).any(dim=1, keepdim=True)
    return torch.where(whole & grey, (found * 255.0).round() / 255.0, found)

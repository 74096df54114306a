"""A correct transformation, and variants whose attack or bound has one fault each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from gsmooth.transforms.base import Enclosure, Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds

Shape = tuple[int, int, int]


class TurnBounds(TransformationBounds["Turn"]):
    def lift_norm(self, shape: Shape) -> float:
        return self.of.gain

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        phase = 5.0 * (reach[0] * 2.0**-51 + offset[0])
        return float(z.norm(dim=1).max()) * (phase + 2.0**-49)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        steepest = largest_cos(self.of.rate * lower, self.of.rate * upper)
        return steepest * (self.of.amplitude * self.of.rate * self.of.gain * float(x.norm()))

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        quarter = math.pi / 2.0
        steepest = largest_cos(self.of.rate * lower - quarter, self.of.rate * upper - quarter)
        return steepest * (self.of.amplitude * self.of.rate**2 * self.of.gain * float(x.norm()))

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        brightest = 1.0 + self.of.amplitude * largest_sin(
            self.of.rate * lower, self.of.rate * upper
        )
        swing = (
            self.of.amplitude
            * self.of.rate
            * largest_cos(self.of.rate * lower, self.of.rate * upper)
        )
        order = orders(x.numel() // 2)
        turning = float((x.flatten().reshape(2, -1) * order).square().sum())
        identity_action = float(x.square().sum())
        return (
            self.of.gain
            * (swing**2 * identity_action + brightest**2 * turning).sqrt()
            * (1.0 + 1e-12)
        )

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        sine = largest_sin(self.of.rate * lower, self.of.rate * upper)[..., None]
        cosine = largest_cos(self.of.rate * lower, self.of.rate * upper)[..., None]
        order = orders(x.numel() // 2)
        along = (
            self.of.amplitude * self.of.rate**2 * sine + (1.0 + self.of.amplitude * sine) * order**2
        )
        across = 2.0 * self.of.amplitude * self.of.rate * cosine * order
        pairs = x.flatten().reshape(2, -1).square().sum(dim=0)
        return self.of.gain * ((along**2 + across**2) * pairs).sum(dim=-1).sqrt() * (1.0 + 1e-12)

    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        middle, reach = (lower + upper) / 2.0, (upper - lower) / 2.0
        dimmest = 1.0 - self.of.amplitude
        back = self.of.act(x.flatten(1).expand(len(lower), -1), -middle)
        centre = back / (1.0 + self.of.amplitude * torch.sin(self.of.rate * middle))
        derivative = (5.0 / dimmest + self.of.amplitude * self.of.rate / dimmest**2) * float(
            x.norm()
        )
        spread = rounding * math.sqrt(x.numel()) / dimmest
        radius = self.of.gain * (derivative * reach[:, 0] + spread) * (1.0 + 1e-9)
        return Enclosure(self.of.gain * centre, radius, torch.ones(len(lower), dtype=torch.bool))


@dataclass(frozen=True)
class Turn(Transformation):
    """Correct: pairs of pixels rotate by order * theta; the attack also scales by a known factor.

    C(theta) = (1 + amplitude sin(rate theta)) L x with L = ``gain`` times the identity, so that
    derivative and curvature of C on a cell, and ||L||, are known exactly. Those of L psi follow
    from A x and A^2 x, with A the generator, which are orthogonal and parallel to x pair by pair.
    Originals follow from the inverse rotation of the attacked image.
    """

    amplitude: float = 0.02
    rate: float = 3.0
    gain: float = 1.0

    name: ClassVar[str] = "turn"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("turn", "rad"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = TurnBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        half = z.shape[1] // 2
        phase = theta[0] * orders(half)
        cos, sin = torch.cos(phase), torch.sin(phase)
        one, other = z[:, :half], z[:, half:]
        return torch.cat([cos * one - sin * other, sin * one + cos * other], dim=1)

    def lift(self, x: Tensor) -> Tensor:
        return self.gain * x.flatten(1)

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return z.reshape(-1, *shape) / self.gain

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        turned = self.act(x.flatten(1), *theta)
        return (turned * (1.0 + self.amplitude * torch.sin(self.rate * theta[0]))).reshape(x.shape)


class UntoldBounds(TurnBounds):
    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        return None


class Untold(Turn):
    """No bounds for T = id and no enclosure of originals."""

    bounds_class = UntoldBounds


def orders(pairs: int) -> Tensor:
    """Return the order of each pair: 1 to 5."""
    return 1.0 + torch.arange(pairs, dtype=torch.float64) % 5.0


def largest_cos(lower: Tensor, upper: Tensor) -> Tensor:
    """max |cos| over [lower, upper]."""
    peak = (upper / math.pi).floor() >= (lower / math.pi).ceil()
    return torch.where(peak, 1.0, torch.maximum(lower.cos().abs(), upper.cos().abs()))


def largest_sin(lower: Tensor, upper: Tensor) -> Tensor:
    """max sin over [lower, upper]."""
    turns = (upper / math.pi - 0.5) / 2.0, (lower / math.pi - 0.5) / 2.0
    peak = turns[0].floor() >= turns[1].ceil()
    return torch.where(peak, 1.0, torch.maximum(lower.sin(), upper.sin()))


class TenPercentShortBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 0.9 * _honest(super().derivative_bound(x, lower, upper))


class TenPercentShort(Turn):
    """A derivative bound that is a tenth too small."""

    bounds_class = TenPercentShortBounds


class MotionlessBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.zeros_like(lower)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Motionless(Turn):
    """A derivative bound of 0 although the attack moves."""

    bounds_class = MotionlessBounds


class StraightBounds(TurnBounds):
    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 0.9 * _honest(super().curvature_bound(x, lower, upper))


class Straight(Turn):
    """A curvature bound that is a tenth too small."""

    bounds_class = StraightBounds


class ShortWhereItLiesBounds(TurnBounds):
    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 0.9 * _honest(super().attack_derivative_bound(x, lower, upper))


class ShortWhereItLies(Turn):
    """A derivative bound for T = id that is a tenth too small."""

    bounds_class = ShortWhereItLiesBounds


class StraightWhereItLiesBounds(TurnBounds):
    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 0.9 * _honest(super().attack_curvature_bound(x, lower, upper))


class StraightWhereItLies(Turn):
    """A curvature bound for T = id that is a tenth too small."""

    bounds_class = StraightWhereItLiesBounds


class NervousBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        honest = _honest(super().derivative_bound(x, lower, upper))
        return honest + 1.0 * float(x.norm()) / (upper - lower).clamp(min=1e-6) ** 2

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Nervous(Turn):
    """A sound derivative bound that grows when cells shrink: parts need more than the whole."""

    bounds_class = NervousBounds


class ForgetfulBounds(TurnBounds):
    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        middle = (lower + upper) / 2.0
        return super().preimages(x, middle, middle, rounding)


class Forgetful(Turn):
    """The enclosure of originals uses the middle of a cell for all its parameters."""

    bounds_class = ForgetfulBounds


class ExactBounds(TurnBounds):
    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        return super().preimages(x, lower, upper, 0.0)


class Exact(Turn):
    """The enclosure of originals ignores the rounding of pixels."""

    bounds_class = ExactBounds


class DenyingBounds(TurnBounds):
    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        found = super().preimages(x, lower, upper, rounding)
        assert found is not None
        return replace(found, possible=lower[:, 0] < 0.0)


class Denying(Turn):
    """The enclosure excludes half of the parameters."""

    bounds_class = DenyingBounds


class CombBounds(TransformationBounds["Comb"]):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.zeros_like(lower) if self.of.proved else None

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return Turn().bounds.action_error(z, reach, offset)


@dataclass(frozen=True)
class Comb(Transformation):
    """Residuals are 0 where a cover samples [-1, 1], and large in between; the bound is 0.

    A supremum of sampled values without slack would certify it.
    """

    name: ClassVar[str] = "comb"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("turn", "rad"),)
    orthogonal: ClassVar[bool] = True
    height: float = 0.2
    teeth: int = 240
    proved: bool = True
    bounds_class = CombBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return Turn().act(z, *theta)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        teeth = torch.sin(math.pi * self.teeth / 2.0 * (theta[0] + 1.0))
        turned = self.act(x.flatten(1), *theta)
        return (turned * (1.0 + self.height * teeth**2)).reshape(x.shape)


class StillCombBounds(CombBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.zeros_like(lower)


class StillComb(Comb):
    """The comb without rotation: attacks between samples, for T = id."""

    bounds_class = StillCombBounds

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        teeth = torch.sin(math.pi * self.teeth / 2.0 * (theta[0] + 1.0))
        return (x.flatten(1) * (1.0 + self.height * teeth**2)).reshape(x.shape)


class Flat(Turn):
    """An attack that goes through NumPy and loses its gradient."""

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().attack(x.detach(), *(column.detach() for column in theta))


class DisplacedBounds(UntoldBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 1.001 * _honest(super().derivative_bound(x, lower, upper))

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return 1.001 * _honest(super().curvature_bound(x, lower, upper))


class Displaced(Untold):
    """The attack at 0 is a little brighter than the image."""

    bounds_class = DisplacedBounds

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().attack(x, *theta) * 1.001


class Overflowing(Turn):
    """Claims that attacked images stay in their range."""

    def keeps_range(self, low: float, high: float) -> bool:
        return True


def _honest(bound: Tensor | None) -> Tensor:
    assert bound is not None
    return bound

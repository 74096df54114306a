"""Actions with one fault each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from kornia.geometry.transform import rotate
from torch import Tensor

from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from tests.testing.planted import Turn, TurnBounds, Untold, UntoldBounds


class WarpAsActionBounds(TransformationBounds["WarpAsAction"]):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class WarpAsAction(Transformation):
    """The bilinear warp as its own action: two interpolations differ from one."""

    name = "warp-as-action"
    parameters = (Parameter("angle", "deg"),)
    bounds_class = WarpAsActionBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        side = math.isqrt(z.shape[1])
        x = z.reshape(-1, 1, side, side)
        turned: Tensor = rotate(x, theta[0].reshape(-1).expand(len(x)), align_corners=True)
        return turned.reshape(z.shape)


class BackwardsBounds(UntoldBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 10.0 * float(x.norm()))

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Backwards(Untold):
    """The action rotates opposite to the attack; the derivative bound is sound."""

    bounds_class = BackwardsBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return super().act(z, -theta[0])

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().act(x.flatten(1), theta[0]).reshape(x.shape)


class OtherUnitBounds(UntoldBounds):
    of: OtherUnit

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 5.0 * (1.0 + self.of.factor) * float(x.norm()))

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return None


@dataclass(frozen=True)
class OtherUnit(Untold):
    """Action and attack take theta in units that are ``factor`` apart; the bound is sound."""

    factor: float = math.pi / 180.0
    bounds_class = OtherUnitBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return super().act(z, self.factor * theta[0])

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().act(x.flatten(1), theta[0]).reshape(x.shape)


class Louder(Transformation):
    """A gain in dB that claims to be orthogonal."""

    name = "louder"
    parameters = (Parameter("gain", "dB"),)
    orthogonal = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * 10.0 ** (theta[0] / 20.0)


class WholeTurn(Turn):
    """Correct, with its period."""

    parameters = (Parameter("turn", "rad", period=2.0 * math.pi),)


class HalfTurn(Turn):
    """Half of its period is said to be all of it."""

    parameters = (Parameter("turn", "rad", period=math.pi),)


class Squeezed(WholeTurn):
    """A periodic action of ellipses, which changes lengths; orthogonal is not claimed."""

    orthogonal = False

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        wide = 1.0 + torch.arange(z.shape[1], dtype=z.dtype) / z.shape[1]
        return super().act(z / wide, *theta) * wide


class Projecting(Untold):
    """T_0 drops the last pair instead of leaving it alone; the composition law still holds."""

    orthogonal = False

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return Turn().attack(x, *theta)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        half = z.shape[1] // 2
        kept = torch.ones_like(z)
        kept[:, [half - 1, -1]] = 0.0
        return super().act(z, *theta) * kept


class ShuffledBounds(TransformationBounds["Shuffled"]):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Shuffled(Transformation):
    """Two turns that share coordinates and so do not commute."""

    name = "shuffled"
    parameters = (Parameter("one", "rad"), Parameter("other", "rad"))
    orthogonal = True
    bounds_class = ShuffledBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        half = z.shape[1] // 2
        place = torch.cat([torch.arange(half), torch.arange(half, 2 * half).flip(0)])
        turned = Turn().act(z[:, place], theta[1])[:, place]
        return Turn().act(turned, theta[0])


class SinglePhase(Untold):
    """Phases in float32 inside a float64 action."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        single = (theta[0].float() * math.pi).double() / math.pi
        return super().act(z, single)


class Flickering(Turn):
    """The last bits of the action change from call to call."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return super().act(z, *theta) * (1.0 + 1e-15 * torch.rand(z.shape, dtype=z.dtype))


class FaultlessBounds(TurnBounds):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return 0.0


class Faultless(Turn):
    """An action error of 0 for arithmetic that rounds."""

    bounds_class = FaultlessBounds


class Shortcut(Turn):
    """If all rows are views of one point, as for votes, only the first theta is used."""

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        if len(z) > 1 and z.stride(0) == 0:
            return super().act(z[:1], *(column[:1] for column in theta)).repeat(len(z), 1)
        return super().act(z, *theta)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return super().attack(x.clone(), *theta)


class Growing(Transformation):
    """A gain in dB that claims to be nonexpansive."""

    name = "growing"
    parameters = (Parameter("gain", "dB"),)
    nonexpansive = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * 10.0 ** (theta[0] / 20.0)


class StretchingBounds(TransformationBounds["Stretching"]):
    def lipschitz_bound(self, reach: tuple[float, ...]) -> float | None:
        return max(1.0, 0.9 * math.pow(10.0, reach[0] / 20.0))


class Stretching(Growing):
    """A gain in dB whose lipschitz_bound is a tenth too small, but at least 1."""

    nonexpansive = False
    bounds_class = StretchingBounds

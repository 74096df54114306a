"""What a composition takes its parts' word for, and where that word would not be enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import AffineIntensity, Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.composition import composed
from gsmooth.transforms.region import Region
from gsmooth_brightness import Brightness
from gsmooth_contrast import Contrast
from gsmooth_rotation import Rotation
from tests.engine_objects import HalfLine

SHAPE = (1, 2, 2)


class PairTurnBounds(TransformationBounds["PairTurn"]):
    def action_derivative(self, z: Tensor) -> Tensor:
        lengths: Tensor = z.norm(dim=1, keepdim=True)
        return lengths * (1.0 + 1e-12)

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return float(z.norm(dim=1).max()) * (2.0**-48 + offset[0])

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.full_like(lower, float(x.norm()) * (1.0 + 1e-9))


@dataclass(frozen=True)
class PairTurn(Transformation):
    """Exact and orthogonal: the upper row turned into the lower one, constant images with them."""

    name: ClassVar[str] = "pair-turn"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("turn", "rad"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = PairTurnBounds

    @property
    def z_space(self) -> str:
        return "pairs"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        (up, down), (cos, sin) = z.chunk(2, dim=1), (theta[0].cos(), theta[0].sin())
        return torch.cat([cos * up - sin * down, sin * up + cos * down], dim=1)


class Thrice(PairTurn):
    """The same behind a lift that makes everything three times as long, and does not say so."""

    def lift(self, x: Tensor) -> Tensor:
        return 3.0 * x.flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return z.reshape(-1, *shape) / 3.0


@dataclass(frozen=True)
class Darker(Transformation):
    """A shift of all pixels that calls itself one-sided."""

    name: ClassVar[str] = "darker"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("dark", "of the pixel scale"),)
    one_sided: ClassVar[tuple[str, ...]] = ("dark",)
    orthogonal: ClassVar[bool] = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z - theta[0]

    def affine_intensity(self) -> AffineIntensity | None:
        return AffineIntensity(0.0, -1.0)


@pytest.mark.parametrize("affine_intensity", [Brightness, Contrast])
def test_what_turns_a_constant_image_cannot_stand_behind_a_flow(
    affine_intensity: type[Transformation],
) -> None:
    # ||dC / dp|| and ||dC / dtheta|| would be those of an image whose constant does not move.
    with pytest.raises(ConfigurationError, match=r"pair-turn behind .* changes constant images"):
        composed(affine_intensity, PairTurn)().for_shape(SHAPE)


@pytest.mark.parametrize("affine_intensity", [Brightness, Contrast])
@pytest.mark.parametrize("rested", [(), ("turn",)])
def test_before_a_flow_it_can_and_speeds_hold(
    affine_intensity: type[Transformation], rested: tuple[str, ...]
) -> None:
    operator = composed(PairTurn, affine_intensity)().without_noise(rested).for_shape(SHAPE)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    draw = torch.Generator().manual_seed(4)
    lower = torch.rand(200, 2, generator=draw, dtype=torch.float64) * 2.0 - 1.0
    for axis in (0, 1):
        moved = lower.clone()
        moved[:, axis] += 2.0**-12
        bound = operator.bounds.derivative_bound(x, lower, moved)
        assert bound is not None
        far = [_carried(operator, x, theta) for theta in (lower, moved)]
        slopes = (far[1] - far[0]).norm(dim=1) * 2.0**12
        assert bool((slopes <= bound[:, axis] + 1e-9).all())


def _carried(operator: Transformation, x: Tensor, theta: Tensor) -> Tensor:
    columns = theta.tensor_split(theta.shape[1], dim=1)
    attacked = operator.lift(operator.attack(x.expand(len(theta), -1, -1, -1), *columns))
    return operator.act(attacked, *(-column for column in columns))


def test_an_l2_ball_is_not_certified_through_a_lift_of_unknown_norm() -> None:
    def guarantee(operator: Transformation, scales: tuple[float, ...]) -> Guarantee:
        region = Region((-0.05,) * len(scales), (0.05,) * len(scales), l2=0.1)
        g = SmoothedClassifier(
            Classifier(HalfLine(0.0), classes=2, shape=SHAPE),
            operator,
            GaussianLaw(scales, 0.25),
            seed=0,
        )
        return build_cover(g, torch.full(SHAPE, 0.5, dtype=torch.float64), region, 1).guarantee

    assert guarantee(Thrice(), (1.0,)) is Guarantee.HEURISTIC
    assert guarantee(composed(Thrice, Brightness)(), (1.0, 0.2)) is Guarantee.HEURISTIC
    assert guarantee(composed(PairTurn, Brightness)(), (1.0, 0.2)) is Guarantee.INDIVIDUAL


def test_a_flow_that_calls_itself_one_sided_is_refused() -> None:
    # C would be L x + L psi - T L x, and the bounds are for T_(-theta) L psi.
    with pytest.raises(ConfigurationError, match=r"darker is an affine flow .* can be undone"):
        composed(Rotation, Darker)()

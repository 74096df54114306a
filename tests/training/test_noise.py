"""Training inputs are made by the certificate's own objects, in the certificate's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from gsmooth.theory.laws import ExponentialLaw, GaussianLaw
from gsmooth.training.noise import NoisyInputs, dealt
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from gsmooth_translation import Translation
from tests.engine_objects import Turn, phase_deg

STILL = Region((0.0,), (0.0,))
TINY = 1e-30


def pictures(count: int = 3) -> Tensor:
    return torch.rand(count, 1, 10, 10, generator=torch.Generator().manual_seed(0))


def test_without_noise_inputs_are_lifted_and_read_out_by_the_transformation() -> None:
    x, rotation = pictures(), Rotation(low_pass_px=0.9)
    inputs = NoisyInputs(rotation, GaussianLaw((0.0,), TINY), STILL, 1.0, 0.0)
    operator = rotation.for_shape((1, 10, 10))
    expected = operator.readout(operator.lift(x), (1, 10, 10))
    assert torch.allclose(inputs(x), expected, atol=1e-5)
    assert not torch.allclose(expected, x, atol=0.05)


def test_without_noise_inputs_are_on_the_grid_before_the_readout() -> None:
    x, rotation = pictures(), Rotation().for_shape((1, 10, 10))
    inputs = NoisyInputs(rotation, GaussianLaw((0.0,), TINY), STILL, 1.0, 0.125)
    z = (rotation.lift(x) / 0.125).round() * 0.125
    assert torch.allclose(inputs(x), rotation.readout(z, (1, 10, 10)), atol=1e-5)


def test_the_attack_comes_first_and_is_the_transformation_s_own() -> None:
    x, rotation = pictures(), Rotation().for_shape((1, 10, 10))
    inputs = NoisyInputs(rotation, GaussianLaw((0.0,), TINY), Region((0.0,), (20.0,)), 1.5, 0.0)
    torch.manual_seed(5)
    made = inputs(x)
    torch.manual_seed(5)
    angles = 1.5 * 20.0 * torch.rand(3, 1)
    turned = rotation.attack(x, angles)
    assert torch.allclose(made, rotation.readout(rotation.lift(turned), (1, 10, 10)), atol=1e-5)


@dataclass(frozen=True)
class Stages(Transformation):
    """Records the order in which it is used."""

    seen: tuple[list[str], ...] = ([],)

    name: ClassVar[str] = "stages"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("shift", "px"),)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        self.seen[0].append("act")
        return z + theta[0]

    def lift(self, x: Tensor) -> Tensor:
        self.seen[0].append("lift")
        return x.flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        self.seen[0].append("readout")
        assert torch.equal(z / 0.25, (z / 0.25).round())
        return z.reshape(-1, *shape)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        self.seen[0].append("attack")
        return x + theta[0][:, :, None, None]


def test_inputs_go_through_attack_lift_action_noise_and_readout_in_this_order() -> None:
    stages = Stages()
    stages.seen[0].clear()
    inputs = NoisyInputs(stages, GaussianLaw((1.0,), 0.5), Region((-1.0,), (1.0,)), 1.0, 0.25)
    inputs(pictures())
    assert stages.seen[0] == ["attack", "lift", "act", "readout"]


def test_a_law_without_dimensions_leaves_the_action_out() -> None:
    stages = Stages()
    stages.seen[0].clear()
    inputs = NoisyInputs(stages, GaussianLaw((), 0.5), Region((-1.0,), (1.0,)), 1.0, 0.25)
    inputs(pictures())
    assert stages.seen[0] == ["attack", "lift", "readout"]


@pytest.mark.parametrize(
    ("operator", "region"),
    [
        (Rotation(), Region((-30.0,), (30.0,))),
        (Translation(), Region((-2.0, -2.0), (2.0, 2.0))),
    ],
    ids=["rotation", "translation"],
)
def test_first_party_transformations_can_be_trained_for_without_noise_on_theta(
    operator: Transformation, region: Region
) -> None:
    x = pictures()
    made = NoisyInputs(operator, GaussianLaw((), 0.1), region, 1.0, 2.0**-8)(x)
    assert made.shape == x.shape
    assert bool(torch.isfinite(made).all())


@dataclass(frozen=True)
class Stamped(Transformation):
    """Adds ``stamp`` to whatever it reads out."""

    stamp: float = 0.0

    name: ClassVar[str] = "stamped"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return z.reshape(-1, *shape) + self.stamp


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6])
def test_a_batch_is_dealt_to_the_views_in_order_and_as_evenly_as_it_goes(rows: int) -> None:
    x = torch.zeros(rows, 1, 2, 2)
    stamps = (1.0, 2.0, 3.0)
    made = dealt(
        [
            NoisyInputs(Stamped(stamp), GaussianLaw((), TINY), Region(), 1.0, 0.25)
            for stamp in stamps
        ],
        x,
    )
    assert made.shape == x.shape
    shares = [int((made[:, 0, 0, 0] == view).sum()) for view in stamps]
    assert sum(shares) == rows
    assert max(shares) - min(shares) <= 1
    assert torch.equal(made, made.sort(dim=0).values)


def test_one_view_gets_the_whole_batch_and_the_same_draws_as_alone() -> None:
    x, view = pictures(), NoisyInputs(Gaussian(), GaussianLaw((), 0.3), Region(), 1.0, 0.0)
    torch.manual_seed(8)
    alone = view(x)
    torch.manual_seed(8)
    assert torch.equal(dealt([view], x), alone)


@pytest.mark.parametrize("law", [GaussianLaw((7.0,), 1e-6), ExponentialLaw(7.0, 1e-6)])
def test_angles_of_training_follow_the_law_of_the_votes(
    law: GaussianLaw | ExponentialLaw,
) -> None:
    points = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2).repeat(4000, 1, 1, 1)
    torch.manual_seed(1)
    turned = NoisyInputs(Turn(), law, STILL, 1.0, 0.0)(points)
    noise = stats.norm(scale=7.0) if isinstance(law, GaussianLaw) else stats.expon(scale=7.0)
    assert stats.kstest(phase_deg(turned).numpy(), noise.cdf).pvalue > 1e-6


def test_noise_has_the_law_s_sigma_and_fills_every_key() -> None:
    torch.manual_seed(2)
    made = NoisyInputs(Gaussian(), GaussianLaw((), 0.3), Region(), 1.0, 0.0)(
        torch.zeros(2000, 1, 2, 2)
    )
    spread = made.flatten(1).numpy()
    assert stats.kstest(spread.ravel() / 0.3, "norm").pvalue > 1e-6
    assert np.abs(np.corrcoef(spread.T) - np.eye(4)).max() < 0.15


def test_every_row_is_drawn_afresh() -> None:
    torch.manual_seed(3)
    inputs = NoisyInputs(Turn(), GaussianLaw((9.0,), 0.1), Region((-9.0,), (9.0,)), 1.05, 2.0**-8)
    made = inputs(torch.ones(50, 1, 1, 2))
    assert len({tuple(row) for row in made.flatten(1).tolist()}) > 45

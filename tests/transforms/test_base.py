"""The default claims of a transformation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import pytest
import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth.errors import PluginError

CELL = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
IMAGE = torch.zeros(1, 1, 4, 4, dtype=torch.float64)


class Brightness(Transformation):
    name: ClassVar[str] = "brightness"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("shift", ""),)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]


@final
@dataclass(frozen=True)
class Clipping(Brightness):
    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return super().readout(z, shape).clamp(0.0, 1.0)


@final
@dataclass(frozen=True)
class Halving(Brightness):
    def lift(self, x: Tensor) -> Tensor:
        return x.flatten(1) / 2


@final
@dataclass(frozen=True)
class Rounding(Brightness):
    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return (x + theta[0].reshape(-1, 1, 1, 1)).round()


@final
@dataclass(frozen=True)
class Plain(Brightness):
    pass


def test_an_attack_that_is_the_action_loses_nothing() -> None:
    bound = Plain().bounds.derivative_bound(IMAGE, *CELL)
    assert bound is not None
    assert not bound.any()


@pytest.mark.parametrize("claimless", [Clipping(), Halving(), Rounding()], ids=repr)
def test_nothing_is_claimed_once_attack_lift_or_readout_is_its_own(
    claimless: Transformation,
) -> None:
    """A clipping readout is part of the default attack: how far the pulled-back image moves is
    open."""
    assert claimless.bounds.derivative_bound(IMAGE, *CELL) is None


def test_float_errors_of_an_action_are_not_assumed_to_be_zero() -> None:
    assert Plain().bounds.action_error(IMAGE.flatten(1), (1.0,), (0.0,)) is None


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("action_speed", "action_derivative"),
        ("contracting", "nonexpansive"),
        ("flow", "affine_intensity"),
        ("originals", "preimages"),
        ("resting", "unsmoothed"),
        ("stretch", "lipschitz_bound"),
    ],
)
def test_a_claim_by_a_former_name_is_refused_where_it_would_be_ignored(
    former: str, present: str
) -> None:
    with pytest.raises(PluginError, match=f"{former} is called {present} now"):
        type("Old", (Brightness,), {former: lambda _: None})


def test_an_option_may_have_a_former_name_of_a_claim() -> None:
    @final
    @dataclass(frozen=True)
    class Stretched(Brightness):
        stretch: float = 1.0

    assert Stretched(2.0).stretch == 2.0

"""Capabilities: what a transformation claims is asked of the object that a run uses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import pytest
from torch import Tensor

from gsmooth import Parameter, Transformation, load_transformation
from gsmooth.certificate import Guarantee
from gsmooth.cli.capabilities import capabilities_shown, guarantee_of
from gsmooth.runs.records.capabilities import capabilities_of

SHAPE = (1, 16, 16)
NAMES = [
    "blur",
    "brightness",
    "contrast",
    "cyclic-blur",
    "cyclic-translation",
    "gamma",
    "gaussian",
    "integer-translation",
    "rotation",
    "scaling",
    "similarity",
    "translation",
    "volume",
    "rotation+brightness",
    "scaling+brightness",
    "cyclic-blur+brightness+cyclic-translation",
]


@final
@dataclass(frozen=True)
class Unproved(Transformation):
    """Attacks by half of what the action undoes, and bounds nothing."""

    name = "unproved"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", ""),)
    orthogonal = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return x + theta[0][:, :, None, None] / 2.0


@pytest.mark.parametrize("name", NAMES)
def test_the_claims_of_an_object_are_those_of_its_class(name: str) -> None:
    bound = load_transformation(name).for_shape(SHAPE)
    found, claims = capabilities_of(bound, SHAPE), capabilities_shown(type(bound))
    assert found.orthogonal == claims["orthogonal"]
    assert found.derivative_bound == claims["bounds"]
    assert found.action_error == claims["exact"]
    assert found.preimages == claims["preimages"]
    identity_action = capabilities_of(bound, SHAPE, identity_action=True).derivative_bound
    assert identity_action == (claims["identity_action"] or not bound.parameters)
    assert found.guarantee == guarantee_of(type(bound))
    assert found.lift_norm is not None
    assert found.lift_norm > 0.0


def test_what_bounds_nothing_is_heuristic() -> None:
    found = capabilities_of(Unproved(), SHAPE)
    assert found.guarantee is Guarantee.HEURISTIC
    assert not any([found.exact, found.derivative_bound, found.action_error, found.preimages])


def test_norms_may_differ_in_their_last_digits_and_claims_may_not() -> None:
    found = capabilities_of(load_transformation("rotation").for_shape(SHAPE), SHAPE)
    assert found.lift_norm is not None
    assert found.same_claims(replace(found, lift_norm=found.lift_norm * (1.0 + 1e-15)))
    assert not found.same_claims(replace(found, lift_norm=None))
    assert not found.same_claims(replace(found, orthogonal=not found.orthogonal))

"""Compositions: one law of composition, attacks one after another, and bounds that hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.composition import Composition
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation

SHAPE = (1, 9, 10)
CASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("rotation+brightness", ()),
    ("rotation+brightness", ("brightness",)),
    ("rotation+brightness", ("angle",)),
    ("rotation+contrast", ()),
    ("contrast+brightness", ("contrast",)),
    ("brightness+contrast", ("brightness",)),
    ("rotation+contrast+brightness", ("contrast",)),
    ("rotation+contrast+brightness", ("contrast", "brightness")),
)
REACH = {"angle": 8.0, "brightness": 0.2, "contrast": 0.3}


def case(spec: str, identity_action: tuple[str, ...]) -> Composition:
    """The composition with these parameters at rest, for images of SHAPE."""
    loaded = load_transformation(spec)
    rested = (loaded.without_noise(identity_action) if identity_action else loaded).for_shape(SHAPE)
    assert isinstance(rested, Composition)
    return rested


def columns(operator: Transformation, values: list[float]) -> list[Tensor]:
    """One (1, 1) tensor a parameter: a share of its reach."""
    pairs = zip(operator.parameters, values, strict=True)
    return [torch.tensor([[REACH[p.name] * v]], dtype=torch.float64) for p, v in pairs]


shares = st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3)


@pytest.mark.parametrize(("spec", "identity_action"), CASES)
@given(one=shares, other=shares, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_joint_action_composes_and_leaves_resting_parameters_alone(
    spec: str, identity_action: tuple[str, ...], one: list[float], other: list[float], seed: int
) -> None:
    operator = case(spec, identity_action)
    count = len(operator.parameters)
    a, b = columns(operator, one[:count]), columns(operator, other[:count])
    z = operator.lift(SampleImage("noise", seed).tensor(SHAPE))
    together = operator.act(z, *(u + v for u, v in zip(a, b, strict=True)))
    after = operator.act(operator.act(z, *a), *b)
    assert float((after - together).norm()) < 1e-11 * (1.0 + float(z.norm()))
    quiet = [
        torch.zeros_like(v) if p.name in identity_action else v for p, v in paired(operator, a)
    ]
    assert torch.equal(operator.act(z, *quiet), operator.act(z, *a))


def paired(operator: Transformation, values: list[Tensor]) -> list[tuple[Parameter, Tensor]]:
    return list(zip(operator.parameters, values, strict=True))


def test_the_attack_is_the_attacks_of_the_parts_from_left_to_right() -> None:
    operator = case("rotation+contrast+brightness", ())
    angle, contrast, brightness = columns(operator, [0.7, -0.5, 0.9])
    x = SampleImage("blob", 3).tensor(SHAPE)
    turned, greyed, brightened = operator.parts
    expected = brightened.attack(greyed.attack(turned.attack(x, angle), contrast), brightness)
    assert torch.equal(operator.attack(x, angle, contrast, brightness), expected)


@pytest.mark.parametrize(("spec", "identity_action"), CASES)
@given(
    at=shares,
    widths=st.lists(st.floats(0.01, 0.3), min_size=3, max_size=3),
    kind=st.sampled_from(("noise", "step", "blob")),
    seed=st.integers(0, 99),
)
@settings(max_examples=12, deadline=None)
def test_nothing_moves_faster_than_its_bound(
    spec: str,
    identity_action: tuple[str, ...],
    at: list[float],
    widths: list[float],
    kind: str,
    seed: int,
) -> None:
    operator = case(spec, identity_action)
    x = SampleImage(kind, seed).tensor(SHAPE)
    for nothing_acts in (False, True):
        pulled_back = PulledBackImage(operator, x, nothing_acts)
        lower = torch.cat(columns(operator, at[: len(operator.parameters)]), dim=1)
        span = torch.cat(columns(operator, widths[: len(operator.parameters)]), dim=1)
        bound = pulled_back.derivative(lower, lower + span)
        assert bound is not None
        inside = torch.rand((24, 1), generator=torch.Generator().manual_seed(seed)).double()
        for axis in range(len(operator.parameters)):
            step = torch.zeros_like(lower)
            step[0, axis] = 1e-4 * span[0, axis]
            # Along the axis from a point in the cell and back, both ends inside.
            points = lower + span * (0.001 + 0.998 * inside)
            moved = pulled_back.points(points + step) - pulled_back.points(points - step)
            fastest = float(moved.norm(dim=1).max() / (2.0 * step[0, axis]))
            assert fastest <= float(bound[0, axis]) * (1.0 + 1e-6) + 1e-6


def test_nothing_bends_more_than_its_bound_in_pixels() -> None:
    operator = case("contrast+brightness", ("contrast",))
    x = SampleImage("noise", 5).tensor(SHAPE)
    lower = torch.tensor([[0.1, -0.1]], dtype=torch.float64)
    upper = lower + torch.tensor([[0.1, 0.05]], dtype=torch.float64)
    pulled_back = PulledBackImage(operator, x)
    curvature = pulled_back.curvature(lower, upper)
    assert curvature is not None
    middle, step = (lower + upper) / 2.0, torch.tensor([[1e-3, 0.0]], dtype=torch.float64)
    second = (
        pulled_back.points(middle + step)
        - 2 * pulled_back.points(middle)
        + pulled_back.points(middle - step)
    )
    seen = float(second.norm()) / 1e-6
    assert 0.5 * float(curvature[0, 0]) < seen <= float(curvature[0, 0]) + 1e-4


def test_brightness_on_a_turned_image_costs_next_to_no_residual() -> None:
    operator = case("rotation+brightness", ())
    x = SampleImage("blob", 1).tensor(SHAPE)
    theta = torch.tensor([[5.0, 0.2], [5.0, -0.2]], dtype=torch.float64)
    points = PulledBackImage(operator, x).points(theta)
    constant = float(operator.lift(torch.ones(1, *SHAPE, dtype=torch.float64)).norm())
    assert float((points[0] - points[1]).norm()) < 0.05 * 0.4 * constant


KIT = {
    "rotation+brightness": Region((-6.0, -0.1), (6.0, 0.1)),
    "rotation+contrast": Region((-6.0, -0.2), (6.0, 0.2)),
}
CHECKS = [
    check
    for spec, region in KIT.items()
    for check in transformation_checks(
        load_transformation(spec), shape=(1, 7, 8), region=region, examples=5
    )
]


@pytest.mark.parametrize("check", CHECKS)
def test_compositions_keep_their_promises(check: Callable[[], None]) -> None:
    check()

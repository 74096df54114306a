"""What stays and how fast the rest moves, for every first-party action that is linear."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth import Transformation
from gsmooth_blur import Blur
from gsmooth_cyclic import CyclicBlur, CyclicTranslation
from gsmooth_rotation import Rotation
from gsmooth_similarity import Scaling, Similarity
from gsmooth_translation import IntegerTranslation, Translation

SHAPE = (2, 8, 9)
SUBJECTS: tuple[Transformation, ...] = (
    Blur(),
    CyclicBlur(),
    CyclicTranslation(),
    IntegerTranslation(),
    Rotation(),
    Scaling(),
    Similarity(),
    Translation(),
)
each = pytest.mark.parametrize("operator", SUBJECTS, ids=[each.name for each in SUBJECTS])
PIXELS: tuple[Transformation, ...] = (
    Rotation(space="pixels"),
    Scaling(space="pixels"),
    Similarity(space="pixels"),
    Translation(space="pixels"),
)


def column(value: float) -> torch.Tensor:
    """(4, 1), the same for every row."""
    return torch.full((4, 1), value, dtype=torch.float64)


def points(operator: Transformation, seed: int) -> torch.Tensor:
    """(4, K): random coefficients, whether an image has them or not."""
    size = operator.lift(torch.zeros(1, *SHAPE, dtype=torch.float64)).shape[1]
    source = torch.Generator().manual_seed(seed)
    return torch.randn(4, size, generator=source, dtype=torch.float64)


@each
@settings(max_examples=20)
@given(seed=st.integers(0, 999), where=st.floats(-3.0, 3.0), step=st.sampled_from([1e-4, 0.3, 4.0]))
def test_no_point_moves_faster_than_the_action_derivative(
    operator: Transformation, seed: int, where: float, step: float
) -> None:
    bound = operator.for_shape(SHAPE)
    z = points(bound, seed)
    derivative = bound.bounds.action_derivative(z)
    assert derivative is not None
    assert derivative.shape == (4, len(operator.parameters))
    start = abs(where) if operator.one_sided else where
    for axis in range(len(operator.parameters)):
        theta = [column(start) for _ in operator.parameters]
        before = bound.act(z, *theta)
        theta[axis] = theta[axis] + step
        moved = (bound.act(z, *theta) - before).norm(dim=1)
        assert bool((moved <= derivative[:, axis] * step * (1.0 + 1e-9) + 1e-10).all())


@each
def test_the_action_derivative_is_reached(operator: Transformation) -> None:
    bound = operator.for_shape(SHAPE)
    z = points(bound, 5)
    derivative = bound.bounds.action_derivative(z)
    assert derivative is not None
    for axis in range(len(operator.parameters)):
        theta = [column(0.0) for _ in operator.parameters]
        theta[axis] = column(1e-6)
        moved = (bound.act(z, *theta) - z).norm(dim=1) / 1e-6
        assert torch.allclose(moved, derivative[:, axis], rtol=1e-4)


@each
@settings(max_examples=10)
@given(seed=st.integers(0, 999), where=st.floats(-5.0, 5.0))
def test_the_fixed_part_is_an_orthogonal_projection_on_all_that_stays(
    operator: Transformation, seed: int, where: float
) -> None:
    bound = operator.for_shape(SHAPE)
    z = points(bound, seed)
    fixed, start = bound.fixed_part(z), abs(where) if operator.one_sided else where
    theta = [column(start) for _ in operator.parameters]
    torch.testing.assert_close(bound.act(fixed, *theta), fixed, rtol=0.0, atol=1e-12)
    assert torch.equal(bound.fixed_part(fixed), fixed)
    assert float((fixed * (z - fixed)).sum(dim=1).abs().max()) < 1e-12


@each
def test_nothing_stays_of_the_rest(operator: Transformation) -> None:
    bound = operator.for_shape(SHAPE)
    z = points(bound, 7)[:1]
    rest = z - bound.fixed_part(z)
    # What an action never moves is its mean over ever more parameters.
    far = torch.linspace(0.0, 4000.0, 801, dtype=torch.float64)[:, None]
    theta = [far * k for k in (1.0, 1.618)[: len(operator.parameters)]]
    mean = bound.act(rest.repeat(len(far), 1), *theta).mean(dim=0)
    assert float(mean.norm()) < 0.2 * float(rest.norm())


@pytest.mark.parametrize("operator", PIXELS, ids=[each.name for each in PIXELS])
def test_in_pixels_nothing_moves_and_no_speed_is_known(operator: Transformation) -> None:
    bound = operator.for_shape(SHAPE)
    z = points(bound, 1)
    assert torch.equal(bound.fixed_part(z), z)
    assert bound.bounds.action_derivative(z) is None


def test_a_z_space_names_all_that_its_lift_depends_on() -> None:
    shared = Translation(low_pass_px=0.0, pad_px=4, cutoff=0.5)
    assert shared.z_space == IntegerTranslation().z_space
    spaces: list[Transformation] = [
        shared,
        Translation(),
        Translation(pad_px=3),
        Translation(frame_px=1),
    ]
    spaces += [Rotation(), *(operator for operator in PIXELS if operator.name != "scaling")]
    assert len({operator.z_space for operator in spaces}) == len(spaces)
    x = torch.rand(1, *SHAPE, dtype=torch.float64)
    one, other = shared.for_shape(SHAPE), IntegerTranslation().for_shape(SHAPE)
    assert torch.equal(one.lift(x), other.lift(x))

"""Translation's action in place and in blocks: the same values as its formula, row by row."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing import SampleImage
from gsmooth_translation import Translation
from gsmooth_translation.attack import TRANSLATION

ACTED_ENTRIES = TRANSLATION.acted

Shape = tuple[int, int, int]
LARGE: Shape = (3, 224, 224)
SHAPES: list[Shape] = [(1, 16, 16), (3, 9, 12), LARGE]


def lifted(shape: Shape) -> tuple[Translation, Tensor]:
    operator = Translation().for_shape(shape)
    return operator, operator.lift(SampleImage("noise", 2).tensor(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_share_their_memory_move_as_copies_of_them_do(shape: Shape) -> None:
    operator, z = lifted(shape)
    rows = 5 if shape == LARGE else ACTED_ENTRIES // z.shape[1] + 2
    dx, dy = torch.randn(2, rows, 1, dtype=torch.float64)
    shared = operator.act(z.expand(rows, -1), dx, dy)
    assert torch.equal(shared, operator.act(z.repeat(rows, 1), dx, dy))
    last = operator.act(z, dx[-1:], dy[-1:])
    assert float((shared[-1:] - last).abs().max()) <= 1e-15 * float(z.norm())


@pytest.mark.parametrize("shape", SHAPES)
def test_the_action_has_the_same_values_when_gradients_are_asked_for(shape: Shape) -> None:
    operator, z = lifted(shape)
    dx, dy = torch.tensor([[[0.3]], [[-1.7]]], dtype=torch.float64)
    asked = dx.clone().requires_grad_()
    followed = operator.act(z, asked, dy)
    plain = operator.act(z, dx, dy)
    assert float((followed.detach() - plain).abs().max()) <= 1e-15 * float(z.norm())
    (slope,) = torch.autograd.grad(followed.square().sum(), asked)
    # A translation keeps the norm, so the shift makes no difference to it.
    assert float(slope.abs().max()) <= 1e-10 * float(z.square().sum())


@given(shifts=st.tuples(*[st.floats(-20.0, 20.0)] * 4))
@settings(max_examples=8, deadline=None)
def test_large_images_move_by_two_shifts_as_by_their_sum(
    shifts: tuple[float, float, float, float],
) -> None:
    operator, z = lifted(LARGE)
    dx, dy, more_dx, more_dy = (torch.tensor([[s]], dtype=torch.float64) for s in shifts)
    twice = operator.act(operator.act(z, dx, dy), more_dx, more_dy)
    once = operator.act(z, dx + more_dx, dy + more_dy)
    allowed = operator.bounds.action_error(z, (40.0, 40.0), (0.0, 0.0))
    assert allowed is not None
    assert float((twice - once).norm()) <= 3.0 * allowed
    assert float(twice.norm()) == pytest.approx(float(z.norm()), rel=1e-12)

"""Pairs that an action turns, against complex numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsmooth.geometry.pairs import generated, split, turn_into, turned


def pairs(axis: int) -> tuple[Tensor, Tensor]:
    """z (2, 9, 9) with one fixed coefficient and four pairs along the axis, and their angles."""
    draw = torch.Generator().manual_seed(1)
    z = torch.randn(2, 9, 9, generator=draw, dtype=torch.float64)
    angle = torch.randn(4, generator=draw, dtype=torch.float64)
    return z, angle[:, None] if axis == -2 else angle


def as_complex(z: Tensor, axis: int) -> Tensor:
    _, first, second = split(z, 1, axis)
    return torch.complex(first, second)


@pytest.mark.parametrize("axis", [-1, -2])
def test_pairs_turn_like_complex_numbers_and_the_rest_stands(axis: int) -> None:
    z, angle = pairs(axis)
    found = turned(z, angle.cos(), angle.sin(), 1, axis)
    expected = as_complex(z, axis) * torch.exp(1j * angle)
    assert float((as_complex(found, axis) - expected).abs().max()) <= 1e-14
    assert torch.equal(split(found, 1, axis)[0], split(z, 1, axis)[0])


@pytest.mark.parametrize("axis", [-1, -2])
def test_turning_in_fewer_passes_gives_the_same(axis: int) -> None:
    z, angle = pairs(axis)
    out = torch.empty_like(z)
    turn_into(out, z, angle.cos(), angle.sin(), 1, axis)
    assert torch.allclose(out, turned(z, angle.cos(), angle.sin(), 1, axis), rtol=0, atol=1e-15)


@pytest.mark.parametrize("axis", [-1, -2])
def test_the_generator_multiplies_by_i_times_the_order(axis: int) -> None:
    z, order = pairs(axis)
    found = generated(z, order, 1, axis)
    assert torch.allclose(as_complex(found, axis), 1j * order * as_complex(z, axis))
    assert bool((split(found, 1, axis)[0] == 0.0).all())

"""Enclosures of the originals of a translated image: no possible original is excluded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth import load_data
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth_translation import Translation, preimages

LEVEL = 1.0 / 255.0
VARIANTS = [
    Translation(low_pass_px=1.0, frame_px=2),
    Translation(padding="reflection"),
    Translation(space="pixels", frame_px=1),
]


def attacked(operator: Translation, x: Tensor, shift: Tensor, bits: int) -> tuple[Tensor, float]:
    """The image that arrives, and by how much rounding can have moved its pixels."""
    moved = operator.attack(x, shift[:, :1], shift[:, 1:])
    return ((moved * 255.0).round() / 255.0, LEVEL / 2) if bits else (moved, 0.0)


def around(shift: Tensor, width: float, place: float) -> tuple[Tensor, Tensor]:
    """One cell (1, 2) that holds the shift at ``place`` of it, cut off at whole pixels."""
    whole = shift.floor()
    lower = torch.maximum(shift - place * width, whole)
    return lower, torch.minimum(shift + (1.0 - place) * width, whole + 1.0)


@pytest.mark.parametrize("variant", VARIANTS)
@given(
    sample_image=sample_images(),
    dx=st.one_of(st.floats(-4.0, 4.0), st.integers(-9, 9).map(float)),
    dy=st.one_of(st.floats(-4.0, 4.0), st.integers(-9, 9).map(float)),
    width=st.sampled_from([0.0, 0.01, 0.1, 1.0]),
    place=st.sampled_from([0.0, 0.5, 1.0]),
    bits=st.sampled_from([0, 8]),
    contrast=st.sampled_from([1.0, 3.0]),
)
@settings(max_examples=40)
def test_the_original_is_in_the_box_and_in_the_ball(
    variant: Translation,
    sample_image: SampleImage,
    dx: float,
    dy: float,
    width: float,
    place: float,
    bits: int,
    contrast: float,
) -> None:
    # More contrast: saturated pixels, which is where the box closes.
    x = (0.5 + contrast * (sample_image.tensor((2, 9, 7)) - 0.5)).clamp(0.0, 1.0)
    operator = variant.for_shape((2, 9, 7))
    shift = torch.tensor([[dx, dy]], dtype=torch.float64)
    sent, rounding = attacked(operator, x, shift, bits)
    lower, upper = around(shift, width, place)
    low, high, possible = preimages.invert(sent[0], lower, upper, rounding, operator.padding)
    assert bool(possible.all())
    assert bool(((low <= x) & (x <= high)).all())
    found = operator.bounds.preimages(sent, lower, upper, rounding)
    assert float((operator.lift(x) - found.centre).norm()) <= float(found.radius)


def test_digits_are_found_wherever_they_came_from_and_most_shifts_are_ruled_out() -> None:
    operator = Translation(low_pass_px=1.0, frame_px=4).for_shape((1, 28, 28))
    rng = np.random.default_rng(3)
    grid = torch.arange(-10, 10, dtype=torch.float64)
    lower = torch.cartesian_prod(grid, grid)
    lower, upper = lower / 10.0, (lower + 1.0) / 10.0
    images = load_data("shipped:digits").images
    for index in range(3):
        x = torch.from_numpy(images[index : index + 1] / 255.0)
        shift = torch.from_numpy(rng.uniform(-1.0, 1.0, size=(1, 2)))
        sent, rounding = attacked(operator, x, shift, 8)
        found = operator.bounds.preimages(sent, lower, upper, rounding)
        true = ((lower <= shift) & (shift <= upper)).all(dim=1)
        assert bool(found.possible[true].all())
        miss = (operator.lift(x) - found.centre[true]).norm(dim=1)
        assert bool((miss <= found.radius[true]).all())
        assert int(found.possible.sum()) < 300
        lower_half, upper_half = around(shift, 0.004, 0.5)
        near = operator.bounds.preimages(sent, lower_half, upper_half, rounding)
        assert float((operator.lift(x) - near.centre).norm()) <= float(near.radius) < 0.5


def test_without_the_slack_for_a_cells_width_an_original_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Translation().for_shape((1, 28, 28))
    x = torch.from_numpy(load_data("shipped:digits").images[:1] / 255.0)
    shift = torch.tensor([[0.3, -0.6]], dtype=torch.float64)
    sent, rounding = attacked(operator, x, shift, 8)
    lower, upper = around(shift, 0.1, 0.0)
    assert bool(operator.bounds.preimages(sent, lower, upper, rounding).possible)

    def nothing(mix: preimages._Mix, lows: list[Tensor], highs: list[Tensor]) -> Tensor:
        return torch.zeros_like(lows[0])

    monkeypatch.setattr(preimages, "_swing", nothing)
    assert not bool(operator.bounds.preimages(sent, lower, upper, rounding).possible)


@given(seed=st.integers(0, 2**16))
@settings(max_examples=20)
def test_the_lift_reaches_no_farther_than_the_bound_within_a_box(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    half = torch.rand(3, 2, 9, 7, generator=draw, dtype=torch.float64)
    for variant in VARIANTS:
        operator = variant.for_shape((2, 9, 7))
        longest = operator.coordinates.longest(half) * (1.0 + 1e-9)
        v = half * torch.randn(half.shape, generator=draw, dtype=torch.float64).sign()
        for _ in range(10):
            assert bool((operator.lift(v).norm(dim=1) <= longest).all())
            # The corner of the box that this direction points to: lengthens v or keeps it.
            v = half * operator.readout(operator.lift(v), (2, 9, 7)).sign()


def test_a_column_that_left_the_image_can_have_been_anything() -> None:
    operator = Translation().for_shape((1, 9, 7))
    x = SampleImage("noise", 5).tensor((1, 9, 7))
    shift = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    sent, rounding = attacked(operator, x, shift, 0)
    low, high, possible = preimages.invert(sent[0], shift, shift, rounding, "zeros")
    assert bool(possible)
    assert bool((high - low)[..., -1].eq(1.0).all())
    assert float((high - low)[..., :-1].max()) < 1e-6
    radius = float(operator.bounds.preimages(sent, shift, shift, rounding).radius)
    assert 0.5 < radius < 0.5 * math.sqrt(9.0) * 1.1


def test_cells_that_reach_across_a_whole_number_of_pixels_are_refused() -> None:
    operator = Translation().for_shape((1, 9, 7))
    lower = torch.tensor([[-0.1, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="whole number"):
        operator.bounds.preimages(torch.zeros(1, 1, 9, 7, dtype=torch.float64), lower, -lower, 0.0)

"""Enclosures of the originals of a rotated image: no possible original is excluded."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth import load_data
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth_rotation import Rotation, fusion, preimages
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.settings import ROTATION, RotationSettings

Shape = tuple[int, int, int]
SHAPES: list[Shape] = [(1, 12, 12), (2, 9, 13)]
LEVEL = 1.0 / 255.0


def wide_from(radius: float) -> RotationSettings:
    """Settings under which boxes wider than this are solved together."""
    return replace(ROTATION, search=replace(ROTATION.search, wide_box=radius))


def attacked(operator: Rotation, x: Tensor, angle: float, bits: int) -> tuple[Tensor, float]:
    """The image that arrives, and by how much rounding can have moved its pixels."""
    moved = operator.attack(x, torch.tensor([[angle]], dtype=torch.float64))
    return ((moved * 255.0).round() / 255.0, LEVEL / 2) if bits else (moved, 0.0)


def around(angle: float, width: float, place: float) -> tuple[Tensor, Tensor]:
    """One cell of that width with the angle at ``place`` of it, as (1, 1) tensors of degrees."""
    lower = torch.tensor([[angle - place * width]], dtype=torch.float64)
    return lower.clamp(max=angle), (lower + width).clamp(min=angle)


def digit(index: int) -> Tensor:
    return torch.from_numpy(load_data("shipped:digits").images[index : index + 1] / 255.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wide", [0.0, 1.0])
@given(
    sample_image=sample_images(),
    angle=st.floats(-180.0, 180.0),
    width=st.sampled_from([0.0, 0.05, 0.4, 2.0, 20.0]),
    place=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    bits=st.sampled_from([0, 8]),
    contrast=st.sampled_from([1.0, 3.0]),
)
@settings(max_examples=30)
def test_the_original_is_in_the_box_and_in_the_ball(
    wide: float,
    shape: Shape,
    sample_image: SampleImage,
    angle: float,
    width: float,
    place: float,
    bits: int,
    contrast: float,
) -> None:
    # More contrast: saturated pixels, which is where the box closes.
    x = (0.5 + contrast * (sample_image.tensor(shape) - 0.5)).clamp(0.0, 1.0)
    operator = Rotation(low_pass_px=0.9).for_shape(shape)
    sent, rounding = attacked(operator, x, angle, bits)
    lower, upper = around(angle, width, place)
    low, high = torch.deg2rad(lower[:, 0]), torch.deg2rad(upper[:, 0])
    box = preimages.invert(sent[0], low, high, rounding)
    assert bool(box.possible.all())
    assert bool(((box.low <= x) & (x <= box.high)).all())
    for space in (operator, Rotation(space="pixels").for_shape(shape)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(preimages, "ROTATION", wide_from(wide))
            found = space.bounds.preimages(sent, lower, upper, rounding)
        assert bool(found.possible)
        assert float((space.lift(x) - found.centre).norm()) <= float(found.radius)


@pytest.mark.parametrize("bits", [0, 8])
def test_digits_are_found_wherever_they_came_from_and_most_angles_are_ruled_out(bits: int) -> None:
    operator = Rotation(low_pass_px=1.0).for_shape((1, 28, 28))
    rng = np.random.default_rng(bits)
    lower = torch.linspace(-10.0, 9.8, 100, dtype=torch.float64)[:, None]
    upper = lower + 0.2
    for index in range(6):
        x, angle = digit(index), float(rng.uniform(-10.0, 10.0))
        sent, rounding = attacked(operator, x, angle, bits)
        found = operator.bounds.preimages(sent, lower, upper, rounding)
        true = ((lower <= angle) & (angle <= upper)).flatten()
        assert bool(found.possible[true].all())
        miss = (operator.lift(x) - found.centre[true]).norm(dim=1)
        assert bool((miss <= found.radius[true]).all())
        # The attacked image is an original of itself, at angle 0, so two places remain.
        assert int(found.possible.sum()) <= 20
        assert float(found.radius[found.possible].max()) < 1.0


def test_without_the_slack_for_a_cells_width_an_original_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Rotation().for_shape((1, 28, 28))
    sent, rounding = attacked(operator, digit(0), 6.3, 8)
    lower, upper = around(6.3, 0.4, 0.0)
    assert bool(operator.bounds.preimages(sent, lower, upper, rounding).possible)

    def nothing(warp: preimages.Warp, low: Tensor, high: Tensor) -> Tensor:
        return low.new_zeros(*low.shape[:2], warp.weights.shape[1])

    monkeypatch.setattr(preimages, "swing", nothing)
    assert not bool(operator.bounds.preimages(sent, lower, upper, rounding).possible)


@given(sample_image=sample_images(), angle=st.floats(-40.0, 40.0), width=st.floats(0.01, 2.0))
@example(sample_image=SampleImage("step", 0), angle=14.262792073257039, width=0.01)
@settings(max_examples=40)
def test_no_pixel_moves_by_more_than_the_swing_within_a_cell(
    sample_image: SampleImage, angle: float, width: float
) -> None:
    x = sample_image.tensor((1, 12, 12))
    operator = Rotation().for_shape((1, 12, 12))
    # In float64: rounded to float32 the cell would end before the angles that are tried.
    ends = torch.tensor([[angle - width / 2], [angle + width / 2]], dtype=torch.float64)
    warp = preimages.Warp.of(12, 12, *torch.deg2rad(ends))
    known = torch.nn.functional.pad(x, (warp.pad,) * 4)
    swing = preimages.swing(warp, known, known)[0]
    steps = torch.linspace(-0.5, 0.5, 41, dtype=torch.float64)[:, None] * width + angle
    turned = operator.attack(x.expand(len(steps), -1, -1, -1), steps).flatten(2)
    assert bool(((turned - turned[20]).abs() <= swing + 1e-9).all())


@pytest.mark.parametrize(
    ("index", "angle", "width"), [(0, 6.3, 0.2), (3, -9.4, 0.1), (7, 0.0, 0.4)]
)
def test_an_adversary_who_looks_for_other_originals_finds_them_in_the_ball(
    index: int, angle: float, width: float
) -> None:
    operator = Rotation(low_pass_px=1.0).for_shape((1, 28, 28))
    sent, rounding = attacked(operator, digit(index), angle, 8)
    lower, upper = around(angle, width, 0.5)
    others, used = _adversaries(operator, digit(index), sent, (lower, upper), rounding)
    gaps = (operator.attack(others, used) - sent).abs().flatten(1).amax(dim=1)
    for x, gap in zip(others, gaps.tolist(), strict=True):
        assert gap < 0.02
        # What the search could not bring back within rounding is granted to it as more rounding.
        granted = operator.bounds.preimages(sent, lower, upper, max(gap, rounding))
        assert bool(granted.possible)
        assert float((operator.lift(x[None]) - granted.centre).norm()) <= float(granted.radius)


def _adversaries(
    operator: Rotation,
    start: Tensor,
    sent: Tensor,
    cell: tuple[Tensor, Tensor],
    rounding: float,
) -> tuple[Tensor, Tensor]:
    """Images far from ``start`` that nearly give ``sent``, by gradients in image and angle."""
    draw = torch.Generator().manual_seed(1)
    noise = torch.randn(2, *sent.shape[1:], generator=draw, dtype=torch.float64)
    spread = torch.tensor([0.001, 0.05], dtype=torch.float64)[:, None, None, None]
    x = (start + spread * noise).clamp(0.0, 1.0).requires_grad_(True)
    lower, upper = cell
    angle = ((lower + upper) / 2).expand(2, 1).clone().requires_grad_(True)
    steps = torch.optim.Adam([{"params": [x], "lr": 0.01}, {"params": [angle], "lr": 0.005}])
    origin = operator.lift(start)
    for step in range(110):
        over = ((operator.attack(x, angle) - sent).abs() - rounding).clamp_min(0.0)
        # First away, then back to what gives the attacked image.
        away = (operator.lift(x) - origin).norm(dim=1).sum()
        loss = 30.0 * over.square().sum() - (0.2 if step < 70 else 0.0) * away
        steps.zero_grad()
        loss.backward()
        steps.step()
        with torch.no_grad():
            x.clamp_(0.0, 1.0)
            angle.clamp_(lower, upper)
    return x.detach(), angle.detach()


@given(seed=st.integers(0, 2**16), spread=st.sampled_from([0.02, 0.5]))
@settings(max_examples=20)
def test_the_lift_reaches_no_farther_than_the_bound_within_a_box(seed: int, spread: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    half = spread * torch.rand(3, 2, 9, 13, generator=draw, dtype=torch.float64)
    for operator in (Rotation(), Rotation(space="pixels")):
        bound_to = operator.for_shape((2, 9, 13))
        longest = bound_to.coordinates.longest(half) * (1.0 + 1e-9)
        v = half * torch.randn(half.shape, generator=draw, dtype=torch.float64).sign()
        for _ in range(10):
            assert bool((bound_to.lift(v).norm(dim=1) <= longest).all())
            # The corner of the box that this direction points to: lengthens v or keeps it.
            pulled = bound_to.readout(bound_to.lift(v), (2, 9, 13))
            v = half * pulled.sign()


@given(
    sample_image=sample_images(),
    angle=st.floats(-180.0, 180.0),
    low_pass=st.sampled_from([0.5, 1.0]),
)
@settings(max_examples=15)
def test_no_image_is_lengthened_by_more_than_the_stretch(
    sample_image: SampleImage, angle: float, low_pass: float
) -> None:
    space = Rotation(low_pass_px=low_pass).for_shape((1, 12, 12)).coordinates
    assert isinstance(space, PolarSpace)
    here = torch.tensor([math.radians(angle)], dtype=torch.float64)
    form = fusion.Fusion(
        preimages.Warp.of(12, 12, here, here).matrix(), *fusion.lift_matrix(space, 12, 12)
    )
    turned = Rotation().attack(sample_image.tensor((1, 12, 12)), torch.rad2deg(here)[:, None])
    v = sample_image.tensor((1, 12, 12)).numpy().ravel()
    assert np.allclose(form.warp @ v, turned.numpy().ravel(), atol=1e-9)
    matrix = form.warp.toarray().T @ form.warp.toarray() + np.diag(form.weights)
    for _ in range(30):
        assert np.square(form.lift @ v).sum() <= form.lipschitz_bound * (v @ matrix @ v)
        # Power iteration towards the image that is lengthened most.
        v = np.linalg.solve(matrix, form.lift.T @ (form.lift @ v) + 1e-9)
        v /= np.linalg.norm(v)


def test_an_image_without_saturated_pixels_is_found_by_its_equations_together() -> None:
    x = 0.2 + 0.6 * SampleImage("noise", 4).tensor((1, 20, 20))
    operator = Rotation(low_pass_px=1.0).for_shape((1, 20, 20))
    sent, rounding = attacked(operator, x, 5.5, 8)
    lower, upper = around(5.5, 0.02, 0.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preimages, "ROTATION", wide_from(math.inf))
        alone = operator.bounds.preimages(sent, lower, upper, rounding)
    together = operator.bounds.preimages(sent, lower, upper, rounding)
    assert float((operator.lift(x) - together.centre).norm()) <= float(together.radius)
    assert float(together.radius) < 0.2 * float(alone.radius)


def test_a_cell_too_wide_to_be_inverted_claims_nothing() -> None:
    operator = Rotation().for_shape((1, 28, 28))
    sent, _ = attacked(operator, digit(1), 0.0, 8)
    wide = torch.tensor([[-90.0]], dtype=torch.float64)
    found = operator.bounds.preimages(sent, wide, -wide, 0.0)
    assert bool(found.possible)
    assert float(found.radius) == math.inf

"""Rotation without noise on the angle: the z-space of pixels, and its bounds."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth import load_transformation
from gsmooth.errors import ConfigurationError
from gsmooth.geometry.pixels import disc
from gsmooth.testing import SampleImage
from gsmooth.testing.images import KINDS, sample_images
from gsmooth_rotation import Rotation, bounds
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.settings import ROTATION
from tests.plugins.rotation_speeds import rotation_derivative

Shape = tuple[int, int, int]
SHAPES: list[Shape] = [(1, 16, 16), (3, 9, 12), (2, 15, 11), (1, 2, 2)]
# Float64 error of a difference of two attacked images, per unit of 1 + norm.
ARITHMETIC = 1e-13


def in_pixels(shape: Shape) -> Rotation:
    return Rotation(space="pixels", radius_px=max(1.0, (min(shape[1:]) - 1) / 2))


def attacked(operator: Rotation, x: Tensor, theta: Tensor) -> Tensor:
    """L psi_theta(x) at angles (n,): (n, K)."""
    return operator.lift(operator.attack(x.expand(len(theta), -1, -1, -1), theta[:, None]))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_the_disc_is_that_of_tss() -> None:
    """TSS drops the pixels whose distance from the centre is above (n - 1) / 2."""
    for size in (14, 15):
        centre = (size - 1) / 2
        kept = {
            row * size + col
            for row, col in itertools.product(range(size), repeat=2)
            if math.hypot(row - centre, col - centre) <= centre
        }
        assert set(disc(size, size, centre).tolist()) == kept


def test_lift_and_readout_keep_the_pixels_of_the_disc_and_drop_the_others() -> None:
    x = SampleImage("noise", 1).tensor((3, 9, 12))
    operator = Rotation(space="pixels").for_shape((3, 9, 12))
    inside = torch.zeros(9 * 12, dtype=torch.bool)
    inside[disc(9, 12, 3.5)] = True
    z = operator.lift(x)
    assert z.shape == (1, 3 * int(inside.sum()))
    assert torch.equal(operator.readout(z, (3, 9, 12)), x * inside.reshape(9, 12))
    assert operator.bounds.lift_norm((3, 9, 12)) == 1.0


def test_there_is_no_action_in_pixels_but_the_identity() -> None:
    operator = in_pixels((1, 16, 16))
    z = operator.lift(SampleImage("noise", 1).tensor((1, 16, 16)))
    assert torch.equal(operator.act(z, column(0.0)), z)
    assert operator.bounds.action_error(z, (0.0,), (0.0,)) == 0.0
    assert operator.bounds.derivative_bound(z, column(0.0), column(1.0)) is None
    with pytest.raises(ValueError, match=r"no exact action in pixels.*no scales.*space='polar'"):
        operator.act(z, column(1e-9))


def test_a_disc_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="no pixel of 8 x 8 images"):
        Rotation(space="pixels", radius_px=0.5).lift(torch.zeros(1, 1, 8, 8))


def test_an_unknown_space_is_refused_by_the_class_and_by_the_registry() -> None:
    with pytest.raises(ValueError, match="space='fourier' must be 'polar' or 'pixels'"):
        Rotation(space="fourier")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="space"):
        load_transformation("rotation", {"space": "fourier"})
    assert load_transformation("rotation", {"space": "pixels"}) == Rotation(space="pixels")


def test_a_disc_that_keeps_no_angular_order_has_an_action_and_an_error() -> None:
    operator = Rotation(radius_px=0.5, ring_step_px=0.6)
    z = operator.lift(SampleImage("noise", 1).tensor((1, 8, 8)))
    assert z.shape == (1, 1)
    assert torch.equal(operator.act(z, column(33.0)), z)
    assert 0.0 < operator.bounds.action_error(z, (90.0,), (1e-9,)) <= 1e-12


@pytest.mark.parametrize("space", ["pixels", "polar"])
@pytest.mark.parametrize("shape", SHAPES)
@given(
    sample_image=sample_images(),
    start=st.one_of(st.sampled_from([0.0, 45.0, -90.0]), st.floats(-180.0, 180.0)),
    width=st.sampled_from([7.0, 0.5, 1e-3]),
    side=st.sampled_from([-1.0, -0.5, 0.0]),
)
@settings(max_examples=12)
def test_no_difference_quotient_exceeds_the_attack_derivative_bound(
    space: str, shape: Shape, sample_image: SampleImage, start: float, width: float, side: float
) -> None:
    operator = in_pixels(shape) if space == "pixels" else Rotation().for_shape((1, 16, 16))
    x = sample_image.tensor(shape)
    low, high = start + side * width, start + (side + 1.0) * width
    bound = float(operator.bounds.attack_derivative_bound(x, column(low), column(high)))
    theta = torch.linspace(low, high, 65, dtype=torch.float64)
    z = attacked(operator, x, theta)
    step = width / 64
    rounding = ARITHMETIC * (1.0 + float(z.norm(dim=1).max()))
    assert float((z[1:] - z[:-1]).norm(dim=1).max()) <= bound * step + rounding


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [14, 15])
@pytest.mark.parametrize("space", ["pixels", "polar"])
def test_both_one_sided_speeds_at_zero_are_within_the_bound_of_cells_that_end_there(
    kind: str, size: int, space: str
) -> None:
    shape = (1, size, size)
    operator = in_pixels(shape) if space == "pixels" else Rotation().for_shape(shape)
    x = SampleImage(kind, 3).tensor(shape)
    z = attacked(operator, x, torch.tensor([-1e-5, 0.0, 1e-5], dtype=torch.float64))
    fastest = float((z[1:] - z[:-1]).norm(dim=1).max()) / 1e-5
    cells = operator.bounds.attack_derivative_bound(
        x, column(-0.1, 0.0, 0.0), column(0.0, 0.1, 0.0)
    )
    assert float(cells.min()) >= fastest * (1.0 - 1e-6)


def test_the_speed_of_the_attack_is_found_exactly_where_no_pixel_changes_its_cell() -> None:
    """Tightness, not soundness."""
    operator, x = in_pixels((1, 28, 28)), SampleImage("blob", 1).tensor((1, 28, 28))
    z = attacked(operator, x, torch.tensor([10.0, 10.0001], dtype=torch.float64))
    derivative = float((z[1] - z[0]).norm()) / 1e-4
    bound = float(operator.bounds.attack_derivative_bound(x, column(10.0), column(10.0001)))
    assert derivative <= bound <= 1.01 * derivative


def test_bounds_do_not_depend_on_what_is_cached_nor_on_how_cells_are_cut_into_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shape = (2, 12, 12)
    x, pixels = SampleImage("noise", 2).tensor(shape), torch.arange(144)
    ends = torch.linspace(-0.3, 0.4, 41, dtype=torch.float64)
    first = rotation_derivative(x[0], pixels, ends[:-1], ends[1:])
    again = rotation_derivative(x[0], pixels, ends[:-1], ends[1:])
    monkeypatch.setattr(bounds, "_kept_points", bounds._points)
    uncached = rotation_derivative(x[0], pixels, ends[:-1], ends[1:])
    small = replace(ROTATION, memory=replace(ROTATION.memory, bounds=7 * 144))
    monkeypatch.setattr(bounds, "ROTATION", small)
    cut = rotation_derivative(x[0], pixels, ends[:-1], ends[1:])
    for other in (again, uncached, cut):
        assert all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def test_a_white_square_of_four_pixels_needs_all_of_the_kink_term() -> None:
    """At angle 0 the corners of a 2 x 2 image leave the image whichever way it turns.

    d = 0 there, A L psi = 0 and L v is as long as ||L|| ||w||: the bound is reached, and with half
    of that term it would be wrong by a factor of 2. Both bounds of the polar space have the term.
    """
    x, reach = torch.ones(1, 1, 2, 2, dtype=torch.float64), 1e-3
    space = PolarSpace(1.0, 0.9, 1.0)
    operator = Rotation(low_pass_px=1.0, radius_px=0.9)
    ends = column(-reach), column(reach)
    theta = torch.tensor([0.0, reach], dtype=torch.float64)
    z = attacked(operator, x, theta)
    carried = operator.act(z, -theta[:, None])
    for bound, points in (
        (space.derivative_bound(x, *ends), carried),
        (space.attack_derivative_bound(x, *ends), z),
    ):
        derivative = float((points[1] - points[0]).norm()) / reach
        assert derivative <= float(bound) <= 1.01 * derivative


def test_the_change_of_the_image_within_a_cell_is_paid_for() -> None:
    """Without D (||A L d|| + ...) the polar bound would be wrong for this image.

    L psi' = A L psi at the middle of the cell, and psi' turns at the frame's one ring in such a way
    that A L psi soon disagrees. (Half of the term suffices here, and nothing worse was found.)
    """
    size, middle, half = 14, 0.785, 1e-4
    operator = Rotation(low_pass_px=0.25, radius_px=5.0, ring_step_px=10.0)
    space = PolarSpace(0.25, 5.0, 10.0)
    units = torch.eye(size * size, dtype=torch.float64).reshape(-1, 1, size, size)

    def carried(theta: float) -> Tensor:
        angle = torch.full((len(units), 1), math.degrees(theta), dtype=torch.float64)
        return operator.act(operator.lift(operator.attack(units, angle)), -angle)

    def derivative(theta: float) -> Tensor:
        return (carried(theta + 1e-7) - carried(theta - 1e-7)) / 2e-7

    identity_action = torch.linalg.svd(derivative(middle)).U[:, space.frame(size, size).size :]
    change = identity_action.T @ (derivative(middle + 0.9 * half) - derivative(middle))
    slopes = [units.diff(dim=dim).flatten(1) for dim in (2, 3)]
    gradient = identity_action.T @ torch.cat(slopes, dim=1)
    energy = torch.linalg.cholesky(gradient @ gradient.T + 1e-6 * torch.eye(len(gradient)))
    scaled = torch.linalg.solve_triangular(energy, change, upper=False)
    x = identity_action @ torch.linalg.solve(energy.T, torch.linalg.svd(scaled).U[:, 0])
    x = (x / x.abs().max()).reshape(1, 1, size, size)
    ends = [torch.tensor([middle + side * half], dtype=torch.float64) for side in (-1.0, 1.0)]
    drift, within, spread, _ = space._drifts(x, *ends)
    turning = space.generated(space._midway(x, *ends))
    frame = space.frame(size, size)
    without = float((drift - turning).norm() + within)
    found = float((x.flatten() @ derivative(middle + 0.9 * half)).norm())
    assert found > 1.05 * without
    moved = half * (space.generated(drift).norm() + frame.turning_norm * spread)
    assert found <= without + float(moved)
    degrees = (end.rad2deg()[:, None] for end in ends)
    assert found <= float(space.derivative_bound(x, *degrees)) / math.radians(1.0)

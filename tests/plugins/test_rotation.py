"""The rotation plugin: its promises, its conventions, its frame and its derivative bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.testing.images import KINDS, sample_images
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.bounds import widest_half
from gsmooth_rotation.lift import PolarFrame
from tests.plugins.rotation_speeds import rotation_derivative

Check = Callable[[], None]
Shape = tuple[int, int, int]
SHAPES: list[Shape] = [(1, 16, 16), (3, 9, 12), (2, 15, 11)]
COLOUR = SHAPES[1]


def exact_action(z: Tensor, angle: float) -> Tensor:
    """T z in extended precision for (1, 16, 16) images, one complex number a pair."""
    frame = PolarSpace(0.7, 7.0, 1.0).frame(16, 16)
    pairs, turn = len(frame.orders), np.deg2rad(np.longdouble(angle)) * frame.orders
    values = z.numpy().astype(np.longdouble)
    real, imag = values[:, frame.rings :][:, :pairs], values[:, frame.rings + pairs :]
    cos, sin = np.cos(turn), np.sin(turn)
    parts = [values[:, : frame.rings], cos * real + sin * imag, cos * imag - sin * real]
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float64))


@pytest.mark.parametrize(
    "check",
    transformation_checks(Rotation(), region=Region((-30.0,), (30.0,)), exact=exact_action),
)
def test_rotation_keeps_its_promises(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        Rotation(low_pass_px=1.0, radius_px=5.0, ring_step_px=0.75),
        shape=COLOUR,
        region=Region((-5.0,), (40.0,)),
        examples=10,
    ),
)
def test_rotation_with_options_keeps_its_promises_on_colour_images(check: Check) -> None:
    check()


@pytest.mark.parametrize("shape", SHAPES)
@given(sample_image=sample_images(), angle=st.floats(-180.0, 180.0))
@settings(max_examples=15)
def test_the_attack_is_scipys_rotation_with_constant_surroundings(
    shape: Shape, sample_image: SampleImage, angle: float
) -> None:
    x = sample_image.tensor(shape)
    turned = Rotation().attack(x, torch.tensor([[angle]], dtype=torch.float64))[0].numpy()
    assert np.abs(turned - scipy_rotation(x, angle, "grid-constant")).max() <= 1e-13


def test_the_attack_blends_with_zeros_beyond_the_border_where_mode_constant_cuts() -> None:
    x = torch.ones(1, 1, 16, 16, dtype=torch.float64)
    turned = Rotation().attack(x, torch.tensor([[20.0]], dtype=torch.float64))[0].numpy()
    assert np.abs(turned - scipy_rotation(x, 20.0, "constant")).max() > 0.1


def scipy_rotation(x: Tensor, angle: float, mode: str) -> np.ndarray:
    """An independent implementation, channel by channel: (1, C, H, W) -> (C, H, W)."""
    turned = [
        scipy.ndimage.rotate(layer, angle, order=1, reshape=False, mode=mode)
        for layer in x[0].numpy()
    ]
    return np.stack(turned)


def test_the_action_turns_a_point_the_way_the_attack_does() -> None:
    x = torch.zeros(1, 1, 17, 17, dtype=torch.float64)
    x[0, 0, 8, 13] = 1.0  # right of the centre
    operator = Rotation().for_shape((1, 17, 17))
    quarter = torch.tensor([[90.0]], dtype=torch.float64)
    acted = operator.readout(operator.act(operator.lift(x), quarter), (1, 17, 17))
    peak = int(acted.argmax())
    assert divmod(peak, 17) == (3, 8)  # above the centre: anticlockwise
    assert int(operator.attack(x, quarter).argmax()) == peak


def test_the_bilinear_operator_breaks_the_composition_law_by_this_much() -> None:
    """Share of an image's norm that turning by 15 degrees twice loses against 30 at once."""
    operator = Rotation()
    half, whole = (torch.full((1, 1), angle, dtype=torch.float64) for angle in (15.0, 30.0))
    measured = {}
    for kind in ("blob", "step", "noise", "checkerboard"):
        x = SampleImage(kind, 0).tensor((1, 28, 28))
        twice, once = operator.attack(operator.attack(x, half), half), operator.attack(x, whole)
        measured[kind] = float((twice - once).norm() / x.norm())
    expected = {"blob": 0.063, "step": 0.068, "noise": 0.14, "checkerboard": 0.22}
    assert measured == pytest.approx(expected, rel=0.1)
    # The action on the same images keeps the law to the last bits.
    operator = operator.for_shape((1, 28, 28))
    z = operator.lift(SampleImage("checkerboard", 0).tensor((1, 28, 28)))
    composed = operator.act(operator.act(z, half), half)
    assert float((composed - operator.act(z, whole)).norm()) <= 1e-13 * float(z.norm())


FRAMES = [
    PolarFrame(16, 16, 0.7, 7.0, 1.0),
    PolarFrame(9, 12, 1.0, 3.5, 0.75),
    PolarFrame(15, 11, 0.5, 9.0, 1.3),  # the disc is larger than the image
    PolarFrame(5, 5, 0.7, 0.9, 1.0),
    PolarFrame(12, 12, 0.9, 6.0, 1.0, 4.0),  # with a soft edge
]


def matrix(frame: PolarFrame) -> np.ndarray:
    """L as a matrix (K, H * W)."""
    pixels = torch.eye(frame.height * frame.width, dtype=torch.float64)
    return frame.analyse(pixels).numpy().T


@pytest.mark.parametrize("frame", FRAMES)
def test_the_sparse_and_the_dense_lift_agree(
    frame: PolarFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = torch.rand(3, frame.height * frame.width, dtype=torch.float64)
    dense, _ = frame.analyse(image), frame.samples
    monkeypatch.setattr(PolarFrame, "_is_small", False)
    sparse = frame.analyse(image)
    assert float((dense - sparse).abs().max()) <= 1e-13 * (1.0 + float(dense.norm()))


@pytest.mark.parametrize("frame", FRAMES)
def test_synthesis_is_the_adjoint_of_analysis(frame: PolarFrame) -> None:
    image = torch.rand(2, frame.height * frame.width, dtype=torch.float64)
    z = torch.randn(2, frame.size, dtype=torch.float64)
    across = (frame.analyse(image) * z).sum(dim=1)
    back = (image * frame.synthesise(z)).sum(dim=1)
    assert torch.allclose(across, back, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_schur_bound_is_above_the_norm_of_the_lift_and_near_it(frame: PolarFrame) -> None:
    true = float(np.linalg.norm(matrix(frame), 2))
    assert true <= frame.norm <= 2.0 * true


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("frame", FRAMES)
def test_the_turning_norm_is_above_the_norm_of_the_generator_after_the_lift(
    frame: PolarFrame, small: bool
) -> None:
    turn = np.concatenate([np.zeros(frame.rings), frame.orders, frame.orders])
    true = float(np.linalg.norm(turn[:, None] * matrix(frame), 2))
    fresh = replace(frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PolarFrame, "_is_small", small)
        assert true <= fresh.turning_norm


@pytest.mark.parametrize("frame", FRAMES)
def test_the_support_holds_every_pixel_that_the_lift_sees(frame: PolarFrame) -> None:
    unseen = np.setdiff1d(np.arange(frame.height * frame.width), frame.support)
    assert not np.abs(matrix(frame)[:, unseen]).max(initial=0.0) > 0.0


def slopes(x: Tensor, low: float, high: float, samples: int = 33) -> Tensor:
    """Difference quotients of the rotated image per radian, (samples - 1, C, H * W)."""
    theta = torch.linspace(low, high, samples, dtype=torch.float64)
    turned = Rotation().attack(x.expand(samples, -1, -1, -1), theta[:, None].rad2deg()).flatten(2)
    steps = (theta[1:] - theta[:-1])[:, None, None]
    return (turned[1:] - turned[:-1]) / steps


@pytest.mark.parametrize("shape", SHAPES)
@given(
    sample_image=sample_images(),
    start=st.one_of(st.sampled_from([0.0, math.pi / 4, -math.pi / 2]), st.floats(-3.2, 3.2)),
    width=st.sampled_from([1.0, 0.3, 0.02, 1e-4]),
    side=st.sampled_from([-1.0, -0.5, 0.0]),
)
@settings(max_examples=20)
def test_rotation_speed_holds_every_difference_quotient(
    shape: Shape, sample_image: SampleImage, start: float, width: float, side: float
) -> None:
    x, pixels = sample_image.tensor(shape), torch.arange(shape[1] * shape[2])
    full = 2.0 * width * widest_half(torch.Size(shape), pixels) * (1.0 - 1e-12)
    low, high = start + side * full, start + (side + 1.0) * full
    least, most = rotation_derivative(x[0], pixels, one(low), one(high))
    found = slopes(x, low, high)
    rounding = 1e-13 * 32 / (high - low)
    assert bool((found >= least - rounding).all())
    assert bool((found <= most + rounding).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [14, 15])
def test_rotation_speed_holds_both_one_sided_derivatives_at_the_kink_at_zero(
    kind: str, size: int
) -> None:
    x, pixels = SampleImage(kind, 3).tensor((2, size, size)), torch.arange(size * size)
    left, right = slopes(x, -1e-6, 0.0, 2), slopes(x, 0.0, 1e-6, 2)
    if kind == "noise":
        assert float((left - right).abs().max()) > 1.0  # the kink is real
    for low, high in ((-1e-3, 0.0), (0.0, 1e-3), (0.0, 0.0)):
        least, most = rotation_derivative(x[0], pixels, one(low), one(high))
        for side in (left, right):
            assert bool((side >= least - 1e-4).all())
            assert bool((side <= most + 1e-4).all())


def one(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_a_cell_whose_source_points_could_cross_three_pixels_is_refused() -> None:
    """The source moves less than a pixel here, but the box around it is 1.02 px wide.

    Of the three rows of pixels that it touches, only the first two used to be looked at.
    """
    pixels = torch.tensor([14 * 28 + 26])
    row, col = 0.5, 12.5
    half = 0.49999 / math.hypot(row, col)
    middle = math.asin(0.004 / math.hypot(row, col)) - math.atan2(row, col)
    x = torch.rand(1, 28, 28, dtype=torch.float64)
    with pytest.raises(ValueError, match="cells must be at most"):
        rotation_derivative(x, pixels, one(middle - half), one(middle + half))


@pytest.mark.parametrize("width", [4.0, 25.0, 120.0])
def test_a_wide_cell_is_bounded_by_its_parts(width: float) -> None:
    operator = Rotation().for_shape((1, 16, 16))
    x = SampleImage("noise", 5).tensor((1, 16, 16))
    ends = torch.tensor([[-3.0]], dtype=torch.float64), torch.tensor([[width]], dtype=torch.float64)
    bound = float(present(operator.bounds.derivative_bound(x, *ends)))
    theta = torch.linspace(-3.0, width, 801, dtype=torch.float64)[:, None]
    pulled_back = operator.act(
        operator.lift(operator.attack(x.expand(801, -1, -1, -1), theta)), -theta
    )
    step = float(theta[1] - theta[0])
    assert float((pulled_back[1:] - pulled_back[:-1]).norm(dim=1).max()) / step <= bound


def test_the_together_bound_is_far_below_the_triangle_bound_on_narrow_cells() -> None:
    """Tightness, not soundness: L psi' and A L psi nearly cancel on a smooth image."""
    operator = Rotation().for_shape((1, 28, 28))
    x = SampleImage("blob", 1).tensor((1, 28, 28))
    low, high = (torch.tensor([[angle]], dtype=torch.float64) for angle in (10.0, 10.01))
    generator = PolarSpace(0.7, 13.0, 1.0).generated
    motion = math.radians(1.0) * float(generator(operator.lift(x)).norm())
    assert float(present(operator.bounds.derivative_bound(x, low, high))) < 0.5 * motion


def test_pixels_that_change_cells_cost_little_behind_a_low_pass() -> None:
    """Tightness, not soundness: with ||L|| ||w|| this ratio is 6.5."""
    operator = Rotation(low_pass_px=1.2).for_shape((1, 28, 28))
    x = SampleImage("noise", 1).tensor((1, 28, 28))
    theta = torch.linspace(-20.0, 20.0, 161, dtype=torch.float64)[:, None]
    bound = present(operator.bounds.derivative_bound(x, theta[:-1], theta[1:]))
    points = operator.act(operator.lift(operator.attack(x.expand(161, -1, -1, -1), theta)), -theta)
    change = (points[1:] - points[:-1]).norm(dim=1) / 0.25
    assert float((bound[:, 0] / change).median()) < 3.0


def present(bound: Tensor | None) -> Tensor:
    assert bound is not None
    return bound


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("option", ["low_pass_px", "radius_px", "ring_step_px"])
def test_a_length_that_is_not_positive_is_refused(option: str, value: float) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=f"rotation: {option}="):
        Rotation(**options)


def test_the_disc_has_to_be_fixed_before_the_action_is_used() -> None:
    with pytest.raises(ValueError, match="call for_shape"):
        Rotation().act(torch.zeros(1, 4, dtype=torch.float64), torch.zeros(1, 1))


@given(angle=st.floats(-720.0, 720.0), seed=st.integers(0, 1000))
def test_opposite_angles_undo_each_other(angle: float, seed: int) -> None:
    operator = Rotation().for_shape((1, 12, 12))
    z = operator.lift(SampleImage("noise", seed).tensor((1, 12, 12)))
    theta = torch.tensor([[angle]], dtype=torch.float64)
    back = operator.act(operator.act(z, theta), -theta)
    assert float((back - z).norm()) <= 1e-12

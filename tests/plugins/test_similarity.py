"""Turning and scaling together: the attack, the log-polar frame, its action and its bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.geometry.settings import ChunkSettings
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.testing.images import KINDS, sample_images
from gsmooth.transforms.region import Region
from gsmooth_similarity import Similarity
from gsmooth_similarity.action import LogPolarSpace, _Cell
from gsmooth_similarity.attack import ANGLE, SCALE
from gsmooth_similarity.bounds import cut, flows
from gsmooth_similarity.lift import LogPolarFrame

Check = Callable[[], None]
Shape = tuple[int, int, int]
SHAPES: list[Shape] = [(1, 12, 12), (3, 9, 12), (2, 11, 7), (1, 2, 2)]
REGION = Region((-10.0, -0.1), (15.0, 0.12))
BOTH = (ANGLE, SCALE)
COARSE = Similarity(low_pass_share=0.3)
# Float64 error of a difference of two attacked images, per unit of 1 + norm.
ARITHMETIC = 1e-13


def exact_action(z: Tensor, angle: float, scale: float) -> Tensor:
    """T z in extended precision for the coarse frame of 7 x 7 images."""
    space = COARSE.for_shape((1, 7, 7)).coordinates
    assert isinstance(space, LogPolarSpace)
    frame = space.frame(7, 7)
    phase = np.deg2rad(np.longdouble(angle)) * frame.turn + np.longdouble(scale) * frame.pull
    values = z.numpy().astype(np.longdouble)
    real, imag = np.split(values[:, 1:], 2, axis=1)
    cos, sin = np.cos(phase), np.sin(phase)
    parts = [values[:, :1], cos * real + sin * imag, cos * imag - sin * real]
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float64))


@pytest.mark.parametrize(
    "check",
    transformation_checks(COARSE, shape=(1, 7, 7), region=REGION, examples=4, exact=exact_action),
)
def test_similarity_keeps_its_promises(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        Similarity(space="pixels", radius_px=2.6), shape=(2, 5, 6), region=REGION, examples=4
    ),
)
def test_similarity_in_pixels_keeps_its_promises(check: Check) -> None:
    check()


@pytest.mark.parametrize("shape", SHAPES)
@given(sample_image=sample_images(), angle=st.floats(-180.0, 180.0), scale=st.floats(-1.0, 1.0))
@settings(max_examples=15)
def test_the_attack_is_scipys_affine_map_with_constant_surroundings(
    shape: Shape, sample_image: SampleImage, angle: float, scale: float
) -> None:
    x = sample_image.tensor(shape)
    found = Similarity().attack(x, one(angle), one(scale))[0].numpy()
    assert np.abs(found - scipy_similarity(x, angle, scale)).max() <= 1e-13


def scipy_similarity(x: Tensor, angle: float, scale: float) -> np.ndarray:
    """An independent implementation, channel by channel: (1, C, H, W) -> (C, H, W)."""
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    source = math.exp(-scale) * np.array([[cos, sin], [-sin, cos]])
    centre = (np.array(x.shape[2:]) - 1) / 2
    layers = [
        scipy.ndimage.affine_transform(
            layer, source, centre - source @ centre, order=1, mode="grid-constant"
        )
        for layer in x[0].numpy()
    ]
    return np.stack(layers)


def one(value: float) -> Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


FRAMES = [
    LogPolarFrame(12, 12, 0.5, 0.2, 5.0, 1.5, 1.2),
    LogPolarFrame(9, 12, 1.0, 0.3, 3.5, 10.0, 0.0),  # the knee lies outside the disc
    LogPolarFrame(11, 7, 0.2, 0.25, 8.0, 2.0, 0.7),  # the disc is larger than the image
    LogPolarFrame(5, 5, 0.5, 1.0, 0.4, 0.1, 0.3),  # one ring
]


def matrix(frame: LogPolarFrame) -> np.ndarray:
    """L as a matrix (K, H * W)."""
    pixels = torch.eye(frame.height * frame.width, dtype=torch.float64)
    return frame.analyse(pixels).numpy().T


@pytest.mark.parametrize("frame", FRAMES)
def test_the_sparse_and_the_dense_frame_agree(
    frame: LogPolarFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = torch.rand(3, frame.height * frame.width, dtype=torch.float64)
    z = torch.randn(3, frame.size, dtype=torch.float64)
    dense = frame.analyse(image), frame.synthesise(z)
    monkeypatch.setattr(LogPolarFrame, "is_small", False)
    for found, expected in zip((frame.analyse(image), frame.synthesise(z)), dense, strict=True):
        assert float((found - expected).abs().max()) <= 1e-13 * (1.0 + float(expected.norm()))


@pytest.mark.parametrize("frame", FRAMES)
def test_the_fourier_part_is_an_isometry_on_its_range_and_has_this_adjoint(
    frame: LogPolarFrame,
) -> None:
    samples = torch.randn(2, len(frame.weight), dtype=torch.float64)
    z = torch.randn(2, frame.size, dtype=torch.float64)
    across = (frame.to_coefficients(samples) * z).sum(dim=1)
    back = (samples * frame.from_coefficients(z)).sum(dim=1)
    assert torch.allclose(across, back, rtol=1e-12, atol=1e-12)
    band_limited = frame.from_coefficients(frame.to_coefficients(samples))
    again = frame.to_coefficients(band_limited)
    assert torch.allclose(again.norm(dim=1), band_limited.norm(dim=1), rtol=1e-12)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_rings_see_every_direction_with_weights_that_stop_growing_at_the_knee(
    frame: LogPolarFrame,
) -> None:
    sums = frame.sampling.sum(axis=1)
    assert float(sums.max()) <= 1.0 + 1e-12
    assert bool((sums[: frame.angles] >= 1.0 - 1e-12).all()) or frame.radii[0] > frame.height / 4
    weight = frame.weight.reshape(-1, frame.angles)[:, 0]
    cell = frame.step * 2.0 * math.pi / frame.angles
    assert weight == pytest.approx(np.minimum(frame.radii, frame.knee_px) * math.sqrt(cell))
    assert frame.radii[-1] == pytest.approx(frame.radius_px)
    assert frame.length * frame.step >= frame.pad_ln + math.log(frame.radii[-1] / frame.radii[0])


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("frame", FRAMES)
def test_norms_of_the_lift_and_of_both_generators_after_it_are_bounded(
    frame: LogPolarFrame, small: bool
) -> None:
    lift, ones = matrix(frame), np.ones(len(frame.turn))
    fresh = LogPolarFrame(
        frame.height,
        frame.width,
        frame.low_pass_px,
        frame.low_pass_share,
        frame.radius_px,
        frame.knee_px,
        frame.pad_ln,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogPolarFrame, "is_small", small)
        bounds = fresh.norms
    for identity_action, order, bound in zip(
        (1.0, 0.0, 0.0), (ones, frame.turn, frame.pull), bounds, strict=True
    ):
        rates = np.concatenate([[identity_action], order, order])
        true = float(np.linalg.norm(rates[:, None] * lift, 2))
        assert true <= bound
        if small:
            assert bound <= true * (1.0 + 1e-6) + 1e-12


@pytest.mark.parametrize("frame", FRAMES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_lengths_are_those_of_the_longest_lift_below_an_image(
    frame: LogPolarFrame, seed: int
) -> None:
    draw = torch.Generator().manual_seed(seed)
    size = frame.height * frame.width
    image = torch.rand(4, size, generator=draw, dtype=torch.float64)
    below = image * (2.0 * torch.rand(4, size, generator=draw, dtype=torch.float64) - 1.0)
    longest = frame.lengths(image) * (1.0 + 1e-12)
    for v in (image, -image, below):
        assert bool((frame.analyse(v).norm(dim=1) <= longest).all())


def test_the_action_moves_a_point_the_way_the_attack_does() -> None:
    x = torch.zeros(1, 1, 33, 33, dtype=torch.float64)
    x[0, 0, 16, 22] = 1.0  # 6 px to the right of the centre
    operator = Similarity().for_shape((1, 33, 33))
    theta = one(90.0), one(math.log(1.5))
    acted = operator.readout(operator.act(operator.lift(x), *theta), (1, 33, 33))
    peak = divmod(int(acted.argmax()), 33)
    assert peak == (7, 16)  # 9 px above the centre: anticlockwise, and larger
    assert divmod(int(operator.attack(x, *theta).argmax()), 33) == peak


def test_training_acts_on_float32_as_certificates_do_on_float64() -> None:
    operator = Similarity().for_shape((1, 16, 16))
    z = operator.lift(torch.rand(3, 1, 16, 16, dtype=torch.float64))
    theta = torch.tensor([[5.0], [-20.0], [40.0]]), torch.tensor([[0.1], [0.0], [-0.3]])
    moved = operator.act(z.float(), *theta)
    assert moved.dtype == torch.float32
    exact = operator.act(z, *(value.double() for value in theta))
    assert (moved - exact).norm() < 1e-5 * exact.norm()


def test_beyond_the_knee_a_smooth_image_is_carried_back_to_itself() -> None:
    """Tightness, not soundness: 5% of its norm against the 50% by which the attack moves it."""
    x = ring((1, 28, 28))
    operator = Similarity(knee_px=2.0).for_shape((1, 28, 28))
    theta = one(20.0), one(0.15)
    clean, attacked = operator.lift(x), operator.lift(operator.attack(x, *theta))
    back = operator.act(attacked, *(-value for value in theta))
    assert float((attacked - clean).norm()) >= 0.5 * float(clean.norm())
    assert float((back - clean).norm()) <= 0.05 * float(clean.norm())


def ring(shape: Shape) -> Tensor:
    """A blurred arc between 4 and 9 px from the centre, (1, C, H, W)."""
    down = torch.arange(shape[1], dtype=torch.float64)[:, None] - (shape[1] - 1) / 2
    right = torch.arange(shape[2], dtype=torch.float64)[None, :] - (shape[2] - 1) / 2
    layer = torch.exp(-((torch.hypot(down, right) - 6.5) ** 2) / 2) * (
        1 + torch.atan2(down, right).cos()
    )
    return (layer / 2).expand(1, *shape).clone()


def quotients(x: Tensor, low: Tensor, high: Tensor, axis: int, where: float) -> Tensor:
    """Difference quotients per radian or ln along one axis of a cell, (16, C, P)."""
    theta = (low + where * (high - low)).repeat(17, 1)
    theta[:, axis] = torch.linspace(float(low[0, axis]), float(high[0, axis]), 17)
    moved = Similarity().attack(x.expand(17, -1, -1, -1), theta[:, :1].rad2deg(), theta[:, 1:])
    steps = (theta[1:, axis] - theta[:-1, axis])[:, None, None]
    return (moved.flatten(2)[1:] - moved.flatten(2)[:-1]) / steps


@pytest.mark.parametrize("shape", SHAPES)
@given(
    sample_image=sample_images(),
    start=st.tuples(
        st.one_of(st.sampled_from([0.0, math.pi / 4, -math.pi / 2]), st.floats(-3.2, 3.2)),
        st.one_of(st.just(0.0), st.floats(-1.0, 1.0)),
    ),
    width=st.tuples(st.sampled_from([1.0, 0.2, 1e-3]), st.sampled_from([1.0, 0.2, 1e-3, 0.0])),
    side=st.sampled_from([-1.0, -0.5, 0.0]),
    where=st.floats(0.0, 1.0),
)
@settings(max_examples=25)
def test_the_flow_holds_every_difference_quotient(
    shape: Shape,
    sample_image: SampleImage,
    start: tuple[float, float],
    width: tuple[float, float],
    side: float,
    where: float,
) -> None:
    x, pixels = sample_image.tensor(shape), torch.arange(shape[1] * shape[2])
    far = math.hypot(shape[1] - 1, shape[2] - 1) / 2 * math.exp(-start[1] + 0.2)
    full = 2.0 * min(0.2 / far, 0.1)
    low = row(*(s + side * w * full for s, w in zip(start, width, strict=True)))
    high = row(*(s + (side + 1.0) * w * full for s, w in zip(start, width, strict=True)))
    (flow,) = flows(x[0], pixels, low, high, BOTH)
    for axis in (a for a in BOTH if width[a] > 0.0):
        found = quotients(x, low, high, axis, where)
        least, most = (flow.middle[axis] + s * flow.half[axis] for s in (-1.0, 1.0))
        rounding = 1e-12 * 16 / float(high[0, axis] - low[0, axis])
        assert bool((found >= least[:, 0] - rounding).all())
        assert bool((found <= most[:, 0] + rounding).all())
        assert bool((flow.largest(axis)[:, 0] >= found.abs() - rounding).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [10, 11])
def test_the_flow_holds_both_one_sided_derivatives_at_the_kink_at_zero(
    kind: str, size: int
) -> None:
    x, pixels = SampleImage(kind, 3).tensor((2, size, size)), torch.arange(size * size)
    for axis in BOTH:
        reach = row(*(1e-6 if a == axis else 0.0 for a in BOTH))
        zero = torch.zeros_like(reach)
        sides = [
            quotients(x, low, high, axis, 0.5) for low, high in ((-reach, zero), (zero, reach))
        ]
        for low, high in ((-100 * reach, zero), (zero, 100 * reach), (zero, zero)):
            (flow,) = flows(x[0], pixels, low, high, (axis,))
            for side in sides:
                gap = (side - flow.middle[0][:, 0]).abs() - flow.half[0][:, 0]
                assert float(gap.max()) <= 1e-4


def test_bounds_do_not_depend_on_how_cells_are_cut_into_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator, x = COARSE.for_shape((2, 8, 8)), SampleImage("noise", 2).tensor((2, 8, 8))
    low = torch.rand(11, 2, dtype=torch.float64) * torch.tensor([30.0, 0.3], dtype=torch.float64)
    whole = operator.bounds.derivative_bound(x, low, low + 0.01)
    small = ChunkSettings(images=4 * x.numel() * 6, bounds=3 * 64)
    for module in ("action", "bounds"):
        monkeypatch.setattr(f"gsmooth_similarity.{module}.SIMILARITY", small)
    parts = operator.bounds.derivative_bound(x, low, low + 0.01)
    assert whole is not None
    assert parts is not None
    assert torch.allclose(whole, parts, rtol=1e-12)


def test_a_cell_whose_source_points_could_cross_three_pixels_is_refused() -> None:
    x, pixels = torch.rand(1, 28, 28, dtype=torch.float64), torch.arange(784)
    with pytest.raises(ValueError, match="cells are too wide"):
        next(flows(x, pixels, row(0.0, 0.0), row(0.08, 0.0), BOTH))


@given(
    low=st.tuples(st.floats(-3.0, 3.0), st.floats(-1.0, 1.0)),
    width=st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
)
@settings(max_examples=12)
def test_parts_of_a_wide_cell_are_narrow_and_cover_it(
    low: tuple[float, float], width: tuple[float, float]
) -> None:
    x, pixels = torch.rand(1, 6, 6, dtype=torch.float64), torch.arange(36)
    lower = row(*low)
    upper = lower + row(*width)
    parts = [torch.cat(part) for part in cut((6, 6), pixels, lower, upper)]
    for first, last in parts:
        next(flows(x, pixels, first[None], last[None], BOTH))
    for point in lower + torch.rand(50, 2, dtype=torch.float64) * (upper - lower):
        assert any(bool((point >= first).all() and (point <= last).all()) for first, last in parts)


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("width", [(4.0, 0.05), (60.0, 0.0), (1.0, 0.6)])
def test_a_wide_cell_is_bounded_by_its_parts(width: tuple[float, float], carried: bool) -> None:
    operator = COARSE.for_shape((1, 12, 12))
    x = SampleImage("noise", 5).tensor((1, 12, 12))
    low, high = row(-3.0, -0.2), row(-3.0 + width[0], -0.2 + width[1])
    bound = operator.bounds.derivative_bound(x, low, high) if carried else None
    if bound is None:
        bound = operator.bounds.attack_derivative_bound(x, low, high)
    for axis in (a for a in BOTH if width[a] > 0.0):
        theta = (low + 0.5 * (high - low)).repeat(801, 1)
        theta[:, axis] = torch.linspace(float(low[0, axis]), float(high[0, axis]), 801)
        columns = theta[:, :1], theta[:, 1:]
        pulled_back = operator.lift(operator.attack(x.expand(801, -1, -1, -1), *columns))
        if carried:
            pulled_back = operator.act(pulled_back, *(-column for column in columns))
        steps = theta[1:, axis] - theta[:-1, axis]
        assert bool(
            (
                (pulled_back[1:] - pulled_back[:-1]).norm(dim=1) <= float(bound[0, axis]) * steps
            ).all()
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", BOTH)
def test_the_generator_moves_no_farther_within_a_cell_than_corners_and_remainder_allow(
    kind: str, axis: int
) -> None:
    """The part of C3b that other slack would hide: sup ||L d_i - A_i L psi|| over the cell."""
    operator, x = COARSE.for_shape((1, 12, 12)), SampleImage(kind, 5).tensor((1, 12, 12))
    space = operator.coordinates
    assert isinstance(space, LogPolarSpace)
    pixels = torch.from_numpy(space.frame(12, 12).support)
    low, high = row(0.02, 0.05), row(0.05, 0.08)
    cell = _Cell(space, x, pixels, low, high, BOTH)
    drift, half, _ = cell._moved()
    start = drift[axis] - space.generated(cell._midway(), axis)
    remainder = cell._generated_lengths(cell._strayed(half), axis)
    allowed = float(cell._at_corners(start, drift, axis) + remainder)
    corners = itertools.product(*zip(low[0].tolist(), high[0].tolist(), strict=True))
    theta = torch.tensor([*corners, (0.03, 0.06)], dtype=torch.float64)
    moved = operator.attack(x.expand(5, -1, -1, -1), theta[:, :1].rad2deg(), theta[:, 1:])
    found = (drift[axis] - space.generated(operator.lift(moved), axis)).norm(dim=1)
    assert float(found.max()) > float(start.norm())
    assert float(found.max()) <= allowed * (1.0 + 1e-9)


def test_the_together_bound_is_below_the_triangle_bound_on_narrow_cells() -> None:
    """Tightness, not soundness: L psi' and A L psi nearly cancel on a smooth image."""
    operator, x = Similarity(knee_px=2.0).for_shape((1, 28, 28)), ring((1, 28, 28))
    low, high = row(10.0, 0.1), row(10.001, 0.1001)
    carried = operator.bounds.derivative_bound(x, low, high)
    identity_action = operator.bounds.attack_derivative_bound(x, low, high)
    assert carried is not None
    assert bool((carried < 0.4 * identity_action).all())


def test_in_pixels_the_speed_is_exact_where_no_pixel_changes_its_cell() -> None:
    """Tightness, not soundness."""
    operator = Similarity(space="pixels").for_shape((1, 28, 28))
    x, low = ring((1, 28, 28)), row(10.0, 0.1)
    for axis, step in ((ANGLE, 1e-4), (SCALE, 1e-6)):
        high = low.clone()
        high[0, axis] += step
        ends = [operator.attack(x, end[:, :1], end[:, 1:]).flatten() for end in (low, high)]
        derivative = float((ends[1] - ends[0]).norm()) / step
        bound = float(operator.bounds.attack_derivative_bound(x, low, high)[0, axis])
        assert derivative <= bound <= 1.02 * derivative


def test_there_is_no_action_in_pixels_but_the_identity() -> None:
    operator = Similarity(space="pixels").for_shape((3, 6, 7))
    x = SampleImage("noise", 1).tensor((3, 6, 7))
    z = operator.lift(x)
    assert torch.equal(operator.readout(z, (3, 6, 7)), x)  # by default nothing is masked
    assert torch.equal(operator.act(z, one(0.0), one(0.0)), z)
    assert operator.bounds.derivative_bound(x, row(0.0, 0.0), row(1.0, 0.1)) is None
    with pytest.raises(ValueError, match="no exact action in pixels"):
        operator.act(z, one(0.0), one(1e-9))


@pytest.mark.parametrize(
    "options",
    [
        {"low_pass_px": 0.0},
        {"low_pass_share": math.nan},
        {"low_pass_share": 1.5},
        {"radius_px": -1.0},
        {"knee_px": math.inf},
        {"pad_ln": -0.1},
        {"space": "fourier"},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"similarity: {next(iter(options))}="):
        Similarity(**options)


def test_what_cannot_be_warped_is_refused() -> None:
    with pytest.raises(ValueError, match="call for_shape"):
        Similarity().lift(torch.zeros(1, 1, 8, 8, dtype=torch.float64))
    with pytest.raises(ConfigurationError, match="no two pixels"):
        Similarity().for_shape((1, 1, 8))
    narrow = Similarity(space="pixels", radius_px=0.5).for_shape((1, 8, 8))
    with pytest.raises(ValueError, match="no pixel of 8 x 8 images"):
        narrow.lift(torch.zeros(1, 1, 8, 8))

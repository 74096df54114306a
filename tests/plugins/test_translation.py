"""Translation: the action is exact, the attack equals SciPy's, and the bounds hold everywhere."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import shift as scipy_shift
from torch import Tensor, nn

from gsmooth import (
    Classifier,
    Guarantee,
    Region,
    SmoothedClassifier,
    load_data,
    load_transformation,
)
from gsmooth.cover import Cover, build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import GaussianLaw
from gsmooth_translation import Translation
from gsmooth_translation.action import FourierSpace
from gsmooth_translation.attack import Padding
from gsmooth_translation.lift import FourierFrame

SHAPES = [(1, 12, 12), (2, 9, 14), (1, 7, 5)]
VARIANTS = [
    Translation(),
    Translation(low_pass_px=0.0, cutoff=0.5, pad_px=3),
    Translation(low_pass_px=1.0, frame_px=2, pad_px=0),
    Translation(padding="reflection", pad_px=2),
]
seeds = st.integers(0, 2**32 - 1)
shifts = st.floats(-30.0, 30.0)


def frame_of(bound: Translation) -> FourierFrame:
    """The Fourier frame of a translation that is bound to a size."""
    assert isinstance(bound.coordinates, FourierSpace)
    return bound.coordinates.frame


def noise(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def checkerboard(height: int, width: int) -> Tensor:
    rows, cols = np.indices((height, width))
    return torch.from_numpy(((rows + cols) % 2).astype(np.float64))[None, None]


def blob(height: int, width: int, std: float) -> Tensor:
    rows, cols = np.indices((height, width))
    squared = (rows - (height - 1) / 2) ** 2 + (cols - (width - 1) / 2) ** 2
    return torch.from_numpy(np.exp(-squared / (2 * std**2)))[None, None]


def digits(count: int) -> Tensor:
    return torch.from_numpy(load_data("shipped:digits").images[:count] / 255.0)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def carried_back(bound: Translation, x: Tensor, theta: Tensor) -> Tensor:
    """C(theta) = T_(-theta) L psi_theta(x), (n, K)."""
    dx, dy = theta[:, :1], theta[:, 1:]
    attacked = bound.attack(x.expand(len(theta), -1, -1, -1), dx, dy)
    return bound.act(bound.lift(attacked), -dx, -dy)


# The action


@pytest.mark.parametrize("variant", VARIANTS)
@given(seed=seeds, a=st.tuples(shifts, shifts), b=st.tuples(shifts, shifts))
def test_two_shifts_compose_to_their_sum(
    variant: Translation, seed: int, a: tuple[float, float], b: tuple[float, float]
) -> None:
    shape = SHAPES[seed % len(SHAPES)]
    bound = variant.for_shape(shape)
    z = bound.lift(noise(seed, 1, *shape))
    twice = bound.act(bound.act(z, *map(column, b)), *map(column, a))
    once = bound.act(z, column(a[0] + b[0]), column(a[1] + b[1]))
    assert torch.allclose(twice, once, rtol=0, atol=1e-12 * (1 + float(z.norm())))


@pytest.mark.parametrize("variant", VARIANTS)
@given(seed=seeds, dx=shifts, dy=shifts)
def test_the_action_is_orthogonal_and_zero_does_nothing(
    variant: Translation, seed: int, dx: float, dy: float
) -> None:
    shape = SHAPES[seed % len(SHAPES)]
    bound = variant.for_shape(shape)
    z, w = noise(seed, 2, bound.lift(torch.zeros(1, *shape, dtype=torch.float64)).shape[1])
    moved = bound.act(torch.stack([z, w]), column(dx, dx), column(dy, dy))
    assert float(moved[0] @ moved[1]) == pytest.approx(float(z @ w), abs=1e-11)
    assert float(moved[0].norm()) == pytest.approx(float(z.norm()), rel=1e-13)
    assert torch.equal(bound.act(z[None], column(0.0), column(0.0)), z[None])


def test_rows_are_moved_independently() -> None:
    bound = Translation().for_shape((2, 9, 14))
    z = bound.lift(noise(0, 3, 2, 9, 14))
    dx, dy = column(0.3, -2.0, 5.0), column(1.0, 0.25, -7.5)
    together = bound.act(z, dx, dy)
    for row in range(3):
        alone = bound.act(z[row : row + 1], dx[row : row + 1], dy[row : row + 1])
        assert torch.allclose(together[row], alone[0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.37, -1.2), (-3.0, 2.5)])
def test_lift_action_and_readout_equal_phases_on_the_fft_of_the_canvas(
    shape: tuple[int, int, int], dx: float, dy: float
) -> None:
    bound = Translation().for_shape(shape)
    x = noise(3, 1, *shape)
    pad, frame = bound.pad_px, frame_of(bound)
    canvas = np.pad(x[0].numpy(), ((0, 0), (pad, pad), (pad, pad)))
    omega_y = 2 * np.pi * np.fft.fftfreq(canvas.shape[1])[:, None]
    omega_x = 2 * np.pi * np.fft.fftfreq(canvas.shape[2])[None, :]
    kept = (abs(omega_y) < frame.rows.omega[-1] + 1e-9) & (
        abs(omega_x) < frame.cols.omega[-1] + 1e-9
    )
    # The low-pass acts twice: in the lift, and in its adjoint.
    transfer = np.exp(-(bound.low_pass_px**2) * (omega_x**2 + omega_y**2)) * kept
    phase = np.exp(-1j * (omega_x * dx + omega_y * dy))
    moved = np.fft.ifft2(np.fft.fft2(canvas) * transfer * phase)
    assert abs(moved.imag).max() < 1e-13
    expected = moved.real[:, pad : pad + shape[1], pad : pad + shape[2]]
    given = bound.readout(bound.act(bound.lift(x), column(dx), column(dy)), shape)
    assert np.allclose(given[0].numpy(), expected, rtol=0, atol=1e-13)


def test_the_claimed_float_error_of_the_action_holds() -> None:
    bound = Translation().for_shape((1, 28, 28))
    z = bound.lift(noise(5, 50, 1, 28, 28))
    theta = 4.0 * noise(15, 50, 2).clamp(-3.0, 3.0)
    exact = z.numpy().astype(np.longdouble).reshape(50, 27, 27)
    for axis, place in ((1, 1), (2, 0)):
        omega = (frame_of(bound).rows if axis == 1 else frame_of(bound).cols).omega
        phase = theta[:, place : place + 1].numpy().astype(np.longdouble) * omega
        phase = phase[:, :, None] if axis == 1 else phase[:, None, :]
        identity_action, cosine, sine = np.split(exact, [1, 14], axis=axis)
        cos, sin = np.cos(phase), np.sin(phase)
        parts = [identity_action, cosine * cos - sine * sin, cosine * sin + sine * cos]
        exact = np.concatenate(parts, axis=axis)
    given = bound.act(z, theta[:, :1], theta[:, 1:]).numpy()
    worst = np.linalg.norm((given - exact.reshape(50, -1)).astype(np.float64), axis=1).max()
    assert 0.0 < worst <= bound.bounds.action_error(z, (12.0, 12.0), (0.0, 0.0)) < 1e-12
    # The fastest wave there is, and a theta that is off by 1e-6 on both axes.
    wave = torch.zeros(1, 27, 27, dtype=torch.float64)
    wave[0, 13, 13], wave[0, 26, 26] = 1.0, -1.0
    off, none = column(1e-6), column(0.0)
    moved = bound.act(wave.flatten(1), off, off) - bound.act(wave.flatten(1), none, none)
    claimed = bound.bounds.action_error(wave.flatten(1), (12.0, 12.0), (1e-6, 1e-6))
    assert 0.999 * claimed < float(moved.norm()) <= claimed


# The lift and its adjoint


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_readout_is_the_adjoint_of_the_lift(
    variant: Translation, shape: tuple[int, int, int]
) -> None:
    bound = variant.for_shape(shape)
    x = noise(1, 4, *shape)
    lifted = bound.lift(x)
    z = noise(2, *lifted.shape)
    back = bound.readout(z, shape)
    assert back.shape == x.shape
    assert torch.allclose((lifted * z).sum(1), (x * back).flatten(1).sum(1), atol=1e-12)
    single = bound.readout(z.float(), shape)
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), back, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_lift_and_readout_equal_the_dense_matrix_and_its_norm_is_bounded(
    variant: Translation,
) -> None:
    height, width = 9, 12
    bound = variant.for_shape((1, height, width))
    frame = frame_of(bound)
    dense = torch.kron(torch.from_numpy(frame.rows.matrix), torch.from_numpy(frame.cols.matrix))
    x = noise(4, 3, 1, height, width)
    assert torch.allclose(bound.lift(x), x.flatten(1) @ dense.T, atol=1e-13)
    z = noise(6, 3, frame.size)
    assert torch.allclose(bound.readout(z, (1, height, width)).flatten(1), z @ dense, atol=1e-13)
    norm = float(torch.linalg.matrix_norm(dense, 2))
    assert norm <= bound.bounds.lift_norm((1, height, width)) <= min(norm, 1.0) * (1 + 1e-8)


def test_the_default_keeps_about_as_many_coefficients_as_pixels() -> None:
    for side in (12, 28, 32, 33):
        size = frame_of(Translation().for_shape((1, side, side))).size
        assert (side - 1) ** 2 <= size <= side**2


def test_without_low_pass_and_cutoff_only_the_nyquist_terms_are_lost() -> None:
    bound = Translation(low_pass_px=0.0, cutoff=0.5, pad_px=6).for_shape((1, 9, 9))
    x = noise(7, 1, 1, 9, 9)
    assert frame_of(bound).size == 21**2
    assert torch.allclose(bound.readout(bound.lift(x), (1, 9, 9)), x, atol=1e-13)
    assert frame_of(Translation(cutoff=0.5, pad_px=6).for_shape((1, 8, 8))).size == 19**2


def test_the_frame_mask_blanks_a_frame() -> None:
    bound = Translation(frame_px=2).for_shape((1, 9, 9))
    x = noise(8, 1, 1, 9, 9)
    masked = torch.zeros_like(x)
    masked[..., 2:-2, 2:-2] = x[..., 2:-2, 2:-2]
    assert torch.equal(bound.lift(x), bound.lift(masked))
    assert float(bound.readout(bound.lift(x), (1, 9, 9))[..., :2, :].abs().max()) == 0.0


# The attack


@given(seed=seeds, dx=st.floats(-14.0, 14.0), dy=st.floats(-14.0, 14.0))
def test_the_attack_equals_an_independent_bilinear_shift(seed: int, dx: float, dy: float) -> None:
    x = noise(seed, 1, 2, 9, 13)
    moved = Translation().attack(x, column(dx), column(dy))[0].numpy()
    for channel in range(2):
        image = x[0, channel].numpy()
        expected = scipy_shift(image, (dy, dx), order=1, mode="grid-constant")
        assert np.allclose(moved[channel], expected, rtol=0, atol=1e-13)


@given(
    seed=seeds,
    size=st.tuples(st.integers(2, 13), st.integers(2, 13)),
    dx=st.floats(-90.0, 90.0),
    dy=st.floats(-90.0, 90.0),
)
def test_reflection_continues_the_image_as_scipys_mirror_does(
    seed: int, size: tuple[int, int], dx: float, dy: float
) -> None:
    x = noise(seed, 1, 2, *size)
    mirrored = Translation(padding="reflection")
    moved = mirrored.attack(x, column(dx), column(dy))[0].numpy()
    for channel in range(2):
        expected = scipy_shift(x[0, channel].numpy(), (dy, dx), order=1, mode="mirror")
        assert np.allclose(moved[channel], expected, rtol=0, atol=1e-12)


def test_reflection_repeats_after_twice_the_distance_of_the_outermost_pixels() -> None:
    x, mirrored = noise(17, 1, 1, 9, 13), Translation(padding="reflection")
    once = mirrored.attack(x, column(1.25), column(-0.5))
    again = mirrored.attack(x, column(1.25 + 24.0), column(-0.5 - 16.0))
    assert torch.allclose(once, again, rtol=0, atol=1e-12)


def test_positive_dx_moves_right_and_positive_dy_moves_down() -> None:
    x = torch.zeros(1, 1, 7, 9, dtype=torch.float64)
    x[0, 0, 3, 4] = 1.0
    moved = Translation().attack(x, column(2.0), column(1.0))
    assert moved[0, 0].argmax() == 4 * 9 + 6
    bound = Translation(low_pass_px=0.0).for_shape((1, 7, 9))
    acted = bound.readout(bound.act(bound.lift(x), column(2.0), column(1.0)), (1, 7, 9))
    assert acted[0, 0].argmax() == 4 * 9 + 6


def test_the_attack_is_differentiable_in_image_and_shift() -> None:
    x = noise(9, 2, 1, 5, 6).requires_grad_()
    dx, dy = column(0.3, -1.4).requires_grad_(), column(-0.6, 0.2).requires_grad_()
    assert torch.autograd.gradcheck(Translation().attack, (x, dx, dy), fast_mode=True)


def test_the_bilinear_operator_breaks_the_law_that_the_action_keeps() -> None:
    bound = Translation().for_shape((1, 28, 28))
    x, half, none = digits(1), column(0.5), column(0.0)
    twice = bound.attack(bound.attack(x, half, none), half, none)
    once = bound.attack(x, column(1.0), none)
    assert float((twice - once).norm() / once.norm()) > 0.1
    z = bound.lift(x)
    gap = bound.act(bound.act(z, half, none), half, none) - bound.act(z, column(1.0), none)
    assert float(gap.norm() / z.norm()) < 1e-14


@pytest.mark.parametrize(("dx", "dy"), [(2.0, -1.0), (-3.0, 3.0), (0.0, 1.0)])
def test_whole_pixels_move_interior_content_without_residual(dx: float, dy: float) -> None:
    bound = Translation().for_shape((1, 14, 15))
    x = torch.zeros(1, 1, 14, 15, dtype=torch.float64)
    x[..., 3:-3, 3:-3] = noise(10, 8, 9)
    carried = carried_back(bound, x, torch.tensor([[dx, dy]], dtype=torch.float64))
    assert float((carried - bound.lift(x)).norm()) < 1e-13


def test_the_residual_is_small_on_smooth_images_and_large_on_rough_ones() -> None:
    bound = Translation(low_pass_px=0.0, cutoff=0.5).for_shape((1, 24, 24))
    theta = torch.tensor([[0.5, 0.5], [1.5, -0.5]], dtype=torch.float64)

    def residual(x: Tensor) -> float:
        clean = bound.lift(x)
        return float((carried_back(bound, x, theta) - clean).norm(dim=1).max() / clean.norm())

    assert residual(blob(24, 24, 3.0)) < 0.03
    assert residual(checkerboard(24, 24)) > 0.3


# The bounds

IMAGES = {
    "noise": noise(11, 1, 2, 11, 12),
    "checkerboard": checkerboard(11, 12),
    "blob": blob(11, 12, 2.0),
    "black": torch.zeros(1, 1, 11, 12, dtype=torch.float64),
}


def cells_and_points(seed: int, cells: int, points: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes inside integer cells, and points well inside them: (n, 2), (n, 2), (n, points, 2)."""
    rng = np.random.default_rng(seed)
    whole = rng.integers(-13, 13, (cells, 2))
    ends = np.sort(rng.random((cells, 2, 2)) ** 2, axis=1)
    lower, upper = whole + ends[:, 0], whole + ends[:, 1]
    lower[::4], upper[::4] = whole[::4], whole[::4] + 1
    inside = 0.02 + 0.96 * rng.random((cells, points, 2))
    at = lower[:, None] + inside * (upper - lower)[:, None]
    return torch.from_numpy(lower), torch.from_numpy(upper), torch.from_numpy(at)


def bounds_of(bound: Translation, x: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The plugin's bounds on derivative and curvature, (n, 2) each."""
    derivative = bound.bounds.derivative_bound(x, lower, upper)
    curvature = bound.bounds.curvature_bound(x, lower, upper)
    assert derivative is not None
    assert curvature is not None
    return derivative, curvature


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_finite_difference_exceeds_the_bounds(variant: Translation, name: str) -> None:
    x = IMAGES[name]
    bound = variant.for_shape((x.shape[1], 11, 12))
    lower, upper, at = cells_and_points(12, cells=40, points=6)
    wide = ((upper - lower) > 0.05).all(dim=1)
    lower, upper, at = lower[wide], upper[wide], at[wide]
    derivative, curvature = bounds_of(bound, x, lower, upper)
    flat, step = at.reshape(-1, 2), 4e-4
    for axis in range(2):
        moved = torch.zeros(2, dtype=torch.float64)
        moved[axis] = step
        before, here, after = (carried_back(bound, x, flat + k * moved) for k in (-1, 0, 1))
        slopes = ((after - here) / step).norm(dim=1).reshape(at.shape[:2])
        assert bool((slopes <= derivative[:, axis, None] * (1 + 1e-9) + 1e-9).all())
        curvatures = ((after - 2 * here + before) / step**2).norm(dim=1).reshape(at.shape[:2])
        assert bool((curvatures <= curvature[:, axis, None] * (1 + 1e-5) + 1e-5).all())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bounds_are_reached_at_a_corner(variant: Translation) -> None:
    x = IMAGES["noise"]
    bound = variant.for_shape((2, 11, 12))
    lower, upper, _ = cells_and_points(13, cells=30, points=1)
    derivative, curvature = bounds_of(bound, x, lower, upper)
    # Inside the cell by a step, so that one-sided differences stay on its side of a kink.
    inset, step = 1e-3, 4e-4
    ends = torch.stack([lower + inset, upper - inset])
    for axis in range(2):
        moved = torch.zeros(2, dtype=torch.float64)
        moved[axis] = step
        slopes, curvatures = [], []
        for i, j in product((0, 1), repeat=2):
            at = torch.stack([ends[i][:, 0], ends[j][:, 1]], dim=1)
            before, here, after = (carried_back(bound, x, at + k * moved) for k in (-1, 0, 1))
            slopes.append(((after - before) / (2 * step)).norm(dim=1))
            curvatures.append(((after - 2 * here + before) / step**2).norm(dim=1))
        assert torch.allclose(
            torch.stack(slopes).amax(0), derivative[:, axis], rtol=0.02, atol=1e-3
        )
        assert torch.allclose(
            torch.stack(curvatures).amax(0), curvature[:, axis], rtol=0.02, atol=1e-3
        )


def test_bounds_of_a_black_image_are_slack_alone() -> None:
    x = IMAGES["black"]
    bound = Translation().for_shape((1, 11, 12))
    lower = torch.tensor([[0.25, 0.5], [-40.0, 3.0]], dtype=torch.float64)
    for found in bounds_of(bound, x, lower, lower):
        assert bool((found > 0.0).all())
        assert bool((found < 1e-8).all())


def test_cells_across_an_integer_are_refused() -> None:
    bound = Translation().for_shape((1, 11, 12))
    lower = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    for bounds in (bound.bounds.derivative_bound, bound.bounds.curvature_bound):
        with pytest.raises(ValueError, match="whole number of pixels"):
            bounds(IMAGES["blob"], lower, lower + 0.75)


def test_breakpoints_are_the_integers() -> None:
    assert Translation().bounds.breakpoints(0, -2.5, 1.0) == (-2.0, -1.0, 0.0, 1.0)
    assert Translation().bounds.breakpoints(1, 0.25, 0.75) == ()


# The cover


class Flat(nn.Module):
    """Scores that never matter: covers ask the classifier for its shape only."""

    def forward(self, batch: Tensor) -> Tensor:
        return batch.flatten(1)[:, :2]


def smoothed(transformation: Translation, side: int = 28) -> SmoothedClassifier:
    classifier = Classifier(Flat(), classes=2, shape=(1, side, side))
    return SmoothedClassifier(classifier, transformation, GaussianLaw((1.25, 1.0), 0.2), seed=0)


def excess(smooth: SmoothedClassifier, cover: Cover, x: Tensor, theta: Tensor) -> Tensor:
    """Joint distance by which each attack (n, 2) lies outside every ball of the cover, (n,)."""
    bound = smooth.transformation
    dx, dy = theta[:, :1], theta[:, 1:]
    attacked = bound.lift(bound.attack(x[None].expand(len(theta), -1, -1, -1), dx, dy))
    gaps = []
    for ball in cover.balls:
        off_x, off_y = dx - ball.theta[0], dy - ball.theta[1]
        gap = attacked - bound.act(ball.z.expand(len(theta), -1), off_x, off_y)
        far = (off_x / 1.25) ** 2 + off_y**2 + (gap.norm(dim=1, keepdim=True) / 0.2) ** 2
        gaps.append(far.sqrt()[:, 0] - ball.margin)
    return torch.stack(gaps).amin(dim=0)


@pytest.mark.parametrize(
    ("sample_image", "padding"),
    [("digit", "zeros"), ("noise", "zeros"), ("checkerboard", "zeros"), ("noise", "reflection")],
)
def test_no_attack_escapes_the_cover(sample_image: str, padding: Padding) -> None:
    image = {
        "digit": digits(7)[6],
        "noise": 0.1 * noise(14, 1, 28, 28),
        "checkerboard": 0.1 * checkerboard(28, 28)[0],
    }[sample_image]
    smooth = smoothed(Translation(padding=padding))
    region = Region((-1.3, -0.7), (1.2, 0.9))
    cover = build_cover(smooth, image, region, centres=5)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    rng = np.random.default_rng(16)
    anywhere = rng.uniform(region.lower, region.upper, (600, 2))
    across = (-1.3, -1.0, -0.5, -1e-9, 0.0, 0.5, 1.0, 1.2)
    down = (-0.7, -0.5, 0.0, 1e-9, 0.5, 0.9)
    theta = np.concatenate([anywhere, np.array(list(product(across, down)))])
    worst = excess(smooth, cover, image, torch.from_numpy(theta))
    assert float(worst.max()) <= 0.0
    # Climb from the attacks that come closest to escaping.
    for reach in (0.1, 0.02):
        best = theta[worst.topk(20).indices.numpy()].repeat(10, axis=0)
        near = best + reach * rng.standard_normal(best.shape)
        theta = np.concatenate([best, near.clip(region.lower, region.upper)])
        worst = excess(smooth, cover, image, torch.from_numpy(theta))
        assert float(worst.max()) <= 0.0


def test_the_supremum_over_one_moving_parameter_holds_and_is_tight() -> None:
    smooth, image = smoothed(Translation()), digits(3)[2]
    cover = build_cover(smooth, image, Region((-1.5, 0.0), (1.5, 0.0)), centres=3)
    dx = torch.linspace(-1.5, 1.5, 1201, dtype=torch.float64)
    worst = excess(smooth, cover, image, torch.stack([dx, torch.zeros_like(dx)], dim=1))
    assert -0.1 < float(worst.max()) <= 0.0


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_pass_px": -1.0}, "low_pass_px=-1.0"),
        ({"low_pass_px": math.nan}, "low_pass_px=nan"),
        ({"pad_px": -1}, "pad_px=-1"),
        ({"frame_px": -2}, "frame_px=-2"),
        ({"cutoff": 0.0}, "cutoff=0.0"),
        ({"cutoff": 0.6}, "cutoff=0.6"),
        ({"frame_px": 6, "image_px": (12, 12)}, "blanks all of a 12 x 12 image"),
        ({"image_px": (1, 12)}, "a 1 x 12 image has no two pixels"),
        ({"padding": "border"}, "padding"),
        ({"space": "polar"}, "space"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_transformation("gsmooth_translation:Translation", options)


def test_an_unbound_translation_says_what_to_call() -> None:
    with pytest.raises(ValueError, match="for_shape"):
        Translation().lift(IMAGES["blob"])

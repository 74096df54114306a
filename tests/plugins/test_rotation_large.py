"""Rotation of large images: no dense matrix, the same action, and bounds that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing import SampleImage
from gsmooth_rotation import Rotation
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.lift import PolarFrame, polar_frame
from gsmooth_rotation.rings import kept_orders, ring_radii
from gsmooth_rotation.settings import ROTATION

ACTED_ENTRIES = ROTATION.memory.acted

SHAPE = (1, 224, 224)
SMALL = [(28, 28, 0.7, 13.0, 1.0), (32, 32, 0.7, 15.0, 1.0), (9, 12, 1.0, 3.5, 0.75)]


@pytest.fixture(scope="module")
def operator() -> Rotation:
    return Rotation().for_shape(SHAPE)


@pytest.fixture(scope="module")
def frame() -> PolarFrame:
    return PolarSpace(0.7, 111.0, 1.0).frame(224, 224)


@pytest.fixture(scope="module")
def coefficients(operator: Rotation) -> Tensor:
    """z of one picture with detail of all sizes."""
    x = sum(SampleImage(kind, 0).tensor(SHAPE) for kind in ("blob", "noise", "step"))
    assert isinstance(x, Tensor)
    return operator.lift(x)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def random(rows: int, size: int) -> Tensor:
    """The same normal numbers every time, (rows, size)."""
    generator = torch.Generator().manual_seed(rows)
    return torch.randn(rows, size, generator=generator, dtype=torch.float64)


# The action


@given(first=st.floats(-360.0, 360.0), second=st.floats(-360.0, 360.0))
@settings(max_examples=10, deadline=None)
def test_large_images_turn_by_two_angles_as_by_their_sum(
    operator: Rotation, coefficients: Tensor, first: float, second: float
) -> None:
    twice = operator.act(operator.act(coefficients, column(first)), column(second))
    once = operator.act(coefficients, column(first + second))
    allowed = operator.bounds.action_error(coefficients, (720.0,), (0.0,))
    assert float((twice - once).norm()) <= 3.0 * allowed


@given(angle=st.floats(-360.0, 360.0))
@settings(max_examples=10, deadline=None)
def test_large_images_keep_inner_products_when_turned(
    operator: Rotation, coefficients: Tensor, angle: float
) -> None:
    other = random(1, coefficients.shape[1])
    before = float((coefficients * other).sum())
    turned = operator.act(coefficients, column(angle)), operator.act(other, column(angle))
    scale = float(coefficients.norm() * other.norm())
    assert abs(float((turned[0] * turned[1]).sum()) - before) <= 1e-12 * scale
    assert abs(float(turned[0].norm() - coefficients.norm())) <= 1e-12 * scale


def test_the_action_on_large_images_is_within_its_stated_error_of_extended_precision(
    operator: Rotation, frame: PolarFrame, coefficients: Tensor
) -> None:
    angle = 17.3
    turn = np.deg2rad(np.longdouble(angle)) * frame.orders
    identity_action, real, imag = np.split(
        coefficients[0].numpy().astype(np.longdouble),
        (frame.rings, frame.rings + len(frame.orders)),
    )
    cos, sin = np.cos(turn), np.sin(turn)
    exact = np.concatenate([identity_action, cos * real + sin * imag, cos * imag - sin * real])
    found = operator.act(coefficients, column(angle))[0].numpy()
    error = float(np.linalg.norm((found - exact).astype(np.float64)))
    assert error <= operator.bounds.action_error(coefficients, (angle,), (0.0,))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 9, 12), SHAPE])
def test_rows_that_share_their_memory_turn_as_copies_of_them_do(
    shape: tuple[int, int, int],
) -> None:
    turning = Rotation().for_shape(shape)
    z = turning.lift(SampleImage("noise", 2).tensor(shape))
    rows = 2 * ACTED_ENTRIES // z.shape[1] + 1 if shape == SHAPE else 5
    angles = torch.linspace(-30.0, 30.0, rows, dtype=torch.float64)[:, None]
    shared = turning.act(z.expand(rows, -1), angles)
    copied = turning.act(z.repeat(rows, 1), angles)
    one_by_one = torch.cat([turning.act(z, angle[None]) for angle in angles])
    assert torch.equal(shared, copied)
    assert torch.equal(shared, one_by_one)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 9, 12)])
def test_the_action_has_the_same_values_when_gradients_are_asked_for(
    shape: tuple[int, int, int],
) -> None:
    turning = Rotation().for_shape(shape)
    z = turning.lift(SampleImage("noise", 2).tensor(shape)).repeat(4, 1)
    angles = column(-20.0, 0.0, 1.0, 33.0)
    plain = turning.act(z, angles)
    for moving in (z.clone().requires_grad_(), z):
        asked = angles.clone().requires_grad_()
        followed = turning.act(moving, asked)
        assert float((followed.detach() - plain).abs().max()) <= 1e-15 * float(z.norm())
        (slope,) = torch.autograd.grad(followed.square().sum(), asked)
        # A rotation keeps the norm, so the angle makes no difference to it.
        assert float(slope.abs().max()) <= 1e-10 * float(z.square().sum())


# The readout


def test_the_readout_of_large_images_is_linear(operator: Rotation, frame: PolarFrame) -> None:
    a, b = random(2, frame.size)[:, None]
    together = operator.readout(2.0 * a - 3.0 * b, SHAPE)
    apart = 2.0 * operator.readout(a, SHAPE) - 3.0 * operator.readout(b, SHAPE)
    assert float((together - apart).abs().max()) <= 1e-12 * float(together.norm())


def adjoint(frame: PolarFrame, z: Tensor) -> Tensor:
    """L' z, step by step: the inverse transforms of all rings, then every kernel turned around."""
    pairs = len(frame.orders)
    ring = np.repeat(np.arange(frame.rings), [int(math.pi * r) for r in frame.radii])
    spectrum = np.zeros((len(z), frame.rings, frame.samples // 2 + 1), dtype=np.complex128)
    identity_action, real, imag = np.split(z.numpy(), (frame.rings, frame.rings + pairs), axis=1)
    spectrum[:, :, 0] = identity_action
    spectrum[:, ring, frame.orders] = (real + 1j * imag) / math.sqrt(2.0)
    samples = np.fft.irfft(spectrum, n=frame.samples, norm="ortho").reshape(len(z), -1)
    return torch.from_numpy((frame.sampling.T @ samples.T).T)


def test_the_readout_of_large_images_is_nearly_the_adjoint_of_the_lift(
    frame: PolarFrame, coefficients: Tensor
) -> None:
    noise = random(1, frame.size)
    for z, within in ((coefficients, 0.02), (noise, 0.08)):
        exact, found = adjoint(frame, z), frame.synthesise(z)
        assert float((found - exact).norm()) <= within * float(exact.norm())


def test_the_readout_of_large_images_passes_gradients(frame: PolarFrame) -> None:
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(2, frame.size, generator=generator, requires_grad=True)
    pixels = torch.randn(2, 224 * 224, generator=generator)
    (slope,) = torch.autograd.grad((frame.synthesise(z) * pixels).sum(), z)
    step = torch.randn(2, frame.size, generator=generator)
    along = float((frame.synthesise(step) * pixels).sum())
    assert float((slope * step).sum()) == pytest.approx(along, rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("size", [5, 16, 17, 56])
@pytest.mark.parametrize("low_pass_px", [0.05, 0.7, 2.0])
def test_every_size_and_low_pass_has_a_fast_readout(size: int, low_pass_px: float) -> None:
    found = PolarFrame(size, size + 1, low_pass_px, size / 2 - 1, 1.0)
    z = random(3, found.size)
    images = found._synthesis(z)
    assert images.shape == (3, size * (size + 1))
    assert bool(images.isfinite().all())
    if low_pass_px == 0.7:
        exact = adjoint(found, z)
        assert float((images - exact).norm()) <= 0.12 * float(exact.norm())


def test_rows_of_a_large_batch_are_read_out_as_they_are_alone(frame: PolarFrame) -> None:
    z = random(50, frame.size).float()
    together = frame.synthesise(z)
    for row in (0, 47, 48, 49):
        alone = frame.synthesise(z[row : row + 1])[0]
        assert float((together[row] - alone).abs().max()) <= 1e-5


def test_nothing_of_a_large_frame_is_dense(frame: PolarFrame) -> None:
    """L has 64 numbers a sample, Q about 10 a sample: far below K x d = 1.9e9."""
    assert frame.sampling.nnz <= 64 * frame.rings * frame.samples
    assert frame._synthesis.matrix.nnz <= 10 * 224 * 224


# Bounds


def test_the_lift_of_large_images_is_within_its_norm_and_near_it(frame: PolarFrame) -> None:
    assert 0.9 * frame.norm <= longest(frame, torch.ones(frame.size)) <= frame.norm


def test_the_generator_after_the_lift_of_large_images_is_within_its_bound(
    frame: PolarFrame,
) -> None:
    turn = torch.from_numpy(np.concatenate([np.zeros(frame.rings), frame.orders, frame.orders]))
    assert longest(frame, turn) <= frame.turning_norm


def longest(frame: PolarFrame, weights: Tensor) -> float:
    """A lower bound on the norm of L followed by weights, by power iteration."""
    reached = 0.0
    v = random(1, 224 * 224)
    for _ in range(20):
        v /= v.norm()
        z = weights * frame.analyse(v)
        reached = max(reached, float(z.norm()))
        v = adjoint(frame, weights * z)
    return reached


@pytest.mark.parametrize("kind", ["noise", "step", "blob"])
def test_derivative_bounds_of_large_images_hold_every_difference_quotient(
    operator: Rotation, kind: str
) -> None:
    x = SampleImage(kind, 4).tensor(SHAPE)
    low, high = column(-3.0, 0.0, 29.0), column(-2.7, 0.01, 29.3)
    carried = operator.bounds.derivative_bound(x, low, high)
    identity_action = operator.bounds.attack_derivative_bound(x, low, high)
    assert carried is not None
    for cell in range(3):
        theta = torch.linspace(float(low[cell]), float(high[cell]), 4, dtype=torch.float64)[:, None]
        lifted = operator.lift(operator.attack(x.expand(4, -1, -1, -1), theta))
        for pulled_back, bound in (
            (operator.act(lifted, -theta), carried),
            (lifted, identity_action),
        ):
            quotients = (pulled_back[1:] - pulled_back[:-1]).norm(dim=1) / (
                theta[1:, 0] - theta[:-1, 0]
            )
            assert float(quotients.max()) <= float(bound[cell, 0])


# Small frames: shipped and trained networks stand behind their L and Q


@pytest.mark.parametrize("options", SMALL)
def test_small_frames_are_the_dense_matrix_that_their_formula_gives(
    options: tuple[int, int, float, float, float],
) -> None:
    found, expected = polar_frame(*options), dense(*options)
    image = torch.rand(2, options[0] * options[1], dtype=torch.float64)
    z = torch.randn(2, found.size, dtype=torch.float64)
    lifted, back = found.analyse(image).numpy(), found.synthesise(z).numpy()
    assert np.abs(lifted - image.numpy() @ expected.T).max() <= 1e-12
    assert np.abs(back - z.numpy() @ expected).max() <= 1e-12


def dense(height: int, width: int, spread: float, radius: float, step: float) -> np.ndarray:
    """L as (K, H * W), each coefficient a sum over the samples of its ring."""
    radii = ring_radii(radius, step)
    samples = 2 * (int(math.pi * radii[-1]) + 2)
    phi = 2.0 * math.pi * np.arange(samples) / samples
    col = (width - 1) / 2 + radii[:, None] * np.cos(phi)
    row = (height - 1) / 2 - radii[:, None] * np.sin(phi)
    down = np.arange(height) - row[..., None]
    right = np.arange(width) - col[..., None]
    half = math.ceil(4.0 * spread)
    tall = np.exp(-(down**2) / (2 * spread**2)) * _window(row, height, half)
    wide = np.exp(-(right**2) / (2 * spread**2)) * _window(col, width, half)
    kernel = tall[..., :, None] * wide[..., None, :] / (2.0 * math.pi * spread**2)
    cell = np.sqrt(radii * step * 2.0 * math.pi / samples)
    blurred = kernel.reshape(len(radii), samples, -1) * cell[:, None, None]
    ring, order = kept_orders(radius, step)
    turn = np.exp(-1j * order[:, None] * phi) * math.sqrt(2.0 / samples)
    pairs = np.einsum("ps,psd->pd", turn, blurred[ring])
    return np.concatenate([blurred.sum(axis=1) / math.sqrt(samples), pairs.real, pairs.imag])


def _window(at: np.ndarray, size: int, half: int) -> np.ndarray:
    """Pixels from half below the sample point's own to half + 1 above it."""
    offset = np.arange(size) - np.floor(at)[..., None]
    return np.asarray((offset >= -half) & (offset <= half + 1))

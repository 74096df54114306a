"""Translation without noise on the shift (T = id): corners of an integer cell are farthest (C4)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth import Classifier, Guarantee, Region, SmoothedClassifier
from gsmooth.cover import Cover, build_cover
from gsmooth.cover.bounds.cells import measure
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.geometry.settings import ChunkSettings
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth.theory.laws import GaussianLaw
from gsmooth_translation import Translation
from gsmooth_translation import attack as shifts
from gsmooth_translation.attack import Padding

SHAPE = (2, 8, 11)
VARIANTS = {
    "pixels, zeros": Translation(space="pixels"),
    "pixels, reflection, frame": Translation(space="pixels", padding="reflection", frame_px=1),
    "fourier, zeros": Translation(low_pass_px=0.7, frame_px=1),
    "fourier, reflection": Translation(padding="reflection", pad_px=1),
}
ALL = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
PIXELS = Translation(space="pixels").for_shape(SHAPE)
paddings = st.sampled_from(("zeros", "reflection"))
places = st.one_of(st.floats(-3.0, 3.0), st.floats(-60.0, 60.0), st.integers(-60, 60).map(float))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def lifted(bound: Translation, x: Tensor, theta: Tensor) -> Tensor:
    """L psi_theta(x) at the rows of theta (n, 2), (n, K)."""
    attacked = bound.attack(x.expand(len(theta), -1, -1, -1), theta[:, :1], theta[:, 1:])
    return bound.lift(attacked)


def boxes(seed: int, count: int, far: int = 30) -> tuple[Tensor, Tensor]:
    """Boxes inside integer cells, every third one all of it, (n, 2) each."""
    rng = np.random.default_rng(seed)
    whole = rng.integers(-far, far, (count, 2)).astype(np.float64)
    ends = np.sort(rng.random((count, 2, 2)), axis=1)
    ends[::3] = np.array([[0.0, 0.0], [1.0, 1.0]])
    return torch.from_numpy(whole + ends[:, 0]), torch.from_numpy(whole + ends[:, 1])


def corners(lower: Tensor, upper: Tensor) -> Tensor:
    """(n, 4, 2)."""
    ends = (lower, upper)
    found = [torch.stack([a[:, 0], b[:, 1]], dim=1) for a in ends for b in ends]
    return torch.stack(found, dim=1)


def inside(seed: int, lower: Tensor, upper: Tensor, count: int) -> Tensor:
    """Points of each box, (n, count, 2): edges and inner ones."""
    share = np.random.default_rng(seed).random((len(lower), count, 2))
    share = np.where(
        np.random.default_rng(seed + 1).random(share.shape) < 0.2, share.round(), share
    )
    return lower[:, None] + torch.from_numpy(share) * (upper - lower)[:, None]


# The mix of four integer shifts


@given(sample_image=sample_images(), padding=paddings, dx=places, dy=places)
def test_in_an_integer_cell_the_attack_is_a_bilinear_mix(
    sample_image: SampleImage, padding: Padding, dx: float, dy: float
) -> None:
    x = sample_image.tensor(SHAPE)
    corner = torch.tensor([[math.floor(dx), math.floor(dy)]], dtype=torch.float64)
    p, q, r, u = shifts.mixes(x, corner, padding)[0]
    s, t = dx - math.floor(dx), dy - math.floor(dy)
    attacked = replace(PIXELS, padding=padding).attack(x, column(dx), column(dy))[0]
    assert torch.allclose(attacked, p + s * q + t * r + s * t * u, rtol=0, atol=1e-11)


# The bounds


@ALL
@given(sample_image=sample_images(), seed=st.integers(0, 9999))
@settings(max_examples=12)
def test_no_step_is_longer_than_the_bound_on_speed(
    variant: Translation, sample_image: SampleImage, seed: int
) -> None:
    x, bound = sample_image.tensor(SHAPE), variant.for_shape(SHAPE)
    lower, upper = boxes(seed, 12)
    derivative = bound.bounds.attack_derivative_bound(x, lower, upper)
    one, other = inside(seed, lower, upper, 8), inside(seed + 7, lower, upper, 8)
    for axis in range(2):
        moved = one.clone()
        moved[..., axis] = other[..., axis]
        step = (moved - one)[..., axis].abs()
        change = lifted(bound, x, moved.reshape(-1, 2)) - lifted(bound, x, one.reshape(-1, 2))
        allowed = derivative[:, axis, None] * step + 1e-11
        assert bool((change.norm(dim=1).reshape(step.shape) <= allowed).all())


@ALL
@pytest.mark.parametrize("kind", ["noise", "checkerboard", "blob", "pixel"])
def test_the_bound_on_speed_is_reached_along_an_edge(variant: Translation, kind: str) -> None:
    x, bound = SampleImage(kind, 5).tensor(SHAPE), variant.for_shape(SHAPE)
    lower, upper = boxes(3, 30, far=12)
    derivative = bound.bounds.attack_derivative_bound(x, lower, upper)
    at = lifted(bound, x, corners(lower, upper).reshape(-1, 2)).reshape(len(lower), 2, 2, -1)
    width = upper - lower
    along_x = (at[:, 1] - at[:, 0]).norm(dim=2).amax(dim=1) / width[:, 0]
    along_y = (at[:, :, 1] - at[:, :, 0]).norm(dim=2).amax(dim=1) / width[:, 1]
    # Norms come from Gram matrices: good to the root of a rounding error where they cancel.
    assert torch.allclose(torch.stack([along_x, along_y], dim=1), derivative, rtol=1e-6, atol=1e-6)


@ALL
def test_the_attack_does_not_bend_along_an_axis(variant: Translation) -> None:
    x, bound = SampleImage("noise", 2).tensor(SHAPE), variant.for_shape(SHAPE)
    lower, upper = boxes(4, 20)
    assert not bound.bounds.attack_curvature_bound(x, lower, upper).any()
    for axis in range(2):
        end = lower.clone()
        end[:, axis] = upper[:, axis]
        at = [lifted(bound, x, theta) for theta in (lower, (lower + end) / 2, end)]
        assert float((at[0] - 2.0 * at[1] + at[2]).abs().max()) < 1e-11


def test_cells_across_an_integer_are_refused() -> None:
    lower = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    x = SampleImage("blob", 0).tensor(SHAPE)
    for bounds in (PIXELS.bounds.attack_derivative_bound, PIXELS.bounds.attack_curvature_bound):
        with pytest.raises(ValueError, match="whole number of pixels"):
            bounds(x, lower, lower + 0.75)


def test_bounds_of_a_still_image_are_slack_alone() -> None:
    lower, upper = boxes(5, 6)
    x = torch.full((1, *SHAPE), 0.7, dtype=torch.float64)
    mirrored = replace(PIXELS, padding="reflection")
    derivative = mirrored.bounds.attack_derivative_bound(x, lower, upper)
    assert 0.0 < float(derivative.min()) <= float(derivative.max()) < 1e-5


@pytest.mark.parametrize("name", ["attack_derivative_bound", "derivative_bound", "curvature_bound"])
def test_bounds_do_not_depend_on_how_much_is_worked_on_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, bound = SampleImage("noise", 6).tensor(SHAPE), Translation().for_shape(SHAPE)
    lower, upper = boxes(6, 40, far=4)
    whole = getattr(bound.bounds, name)(x, lower, upper)
    for entries in (1, 5000, 30000):
        monkeypatch.setattr(shifts, "TRANSLATION", ChunkSettings(images=entries))
        assert torch.allclose(
            getattr(bound.bounds, name)(x, lower, upper), whole, rtol=1e-12, atol=0
        )


# C4


@ALL
@given(sample_image=sample_images(), seed=st.integers(0, 9999))
@settings(max_examples=12)
def test_the_residual_bound_of_a_cell_is_its_farthest_corner_and_holds(
    variant: Translation, sample_image: SampleImage, seed: int
) -> None:
    x, bound = sample_image.tensor(SHAPE), variant.for_shape(SHAPE)
    pulled_back = PulledBackImage(bound, x, identity_action=True)
    lower, upper = boxes(seed, 10, far=5)
    centre = lifted(bound, x, (lower + upper)[:1] / 2)
    centre = centre + 0.1 * torch.from_numpy(np.random.default_rng(seed).normal(size=centre.shape))
    owner = np.zeros(len(lower), dtype=np.int64)
    cells, proved = measure(pulled_back, centre, owner, lower.numpy(), upper.numpy())
    assert proved
    residuals = torch.from_numpy(cells.residuals())
    ends = lifted(bound, x, corners(lower, upper).reshape(-1, 2)) - centre
    farthest = ends.norm(dim=1).reshape(-1, 4).amax(dim=1)
    assert torch.allclose(residuals, farthest, rtol=1e-9, atol=1e-9)
    within = lifted(bound, x, inside(seed, lower, upper, 40).reshape(-1, 2)) - centre
    assert bool((within.norm(dim=1).reshape(-1, 40) <= residuals[:, None]).all())


def test_with_an_action_the_middle_of_a_cell_can_be_farther_than_every_corner() -> None:
    """Whole pixels are pulled back without a loss, half pixels are not: C4 needs T = id."""
    x = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    x[..., 4:8, 4:8] = SampleImage("noise", 1).tensor((1, 4, 4))
    bound = Translation(low_pass_px=0.0).for_shape((1, 12, 12))
    theta = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]).double()
    residual = (PulledBackImage(bound, x).points(theta) - bound.lift(x)).norm(dim=1)
    assert float(residual[:4].max()) < 1e-12
    assert float(residual[4]) > 0.1 * float(bound.lift(x).norm())


# The pixels as z-space


@pytest.mark.parametrize("frame_px", [0, 2])
def test_the_lift_keeps_the_pixels_and_the_readout_puts_them_back(frame_px: int) -> None:
    bound = Translation(space="pixels", frame_px=frame_px).for_shape(SHAPE)
    x = SampleImage("noise", 0).tensor(SHAPE)
    z = bound.lift(x)
    kept = (8 - 2 * frame_px, 11 - 2 * frame_px)
    assert z.shape == (1, 2 * kept[0] * kept[1])
    masked = torch.zeros_like(x)
    rows, cols = slice(frame_px, 8 - frame_px), slice(frame_px, 11 - frame_px)
    masked[..., rows, cols] = x[..., rows, cols]
    assert torch.equal(bound.readout(z, SHAPE), masked)
    assert float(z.norm()) == pytest.approx(float(masked.norm()))
    assert bound.bounds.lift_norm(SHAPE) == 1.0


@ALL
def test_rounding_moves_z_by_no_more_than_its_norm_says(variant: Translation) -> None:
    bound = variant.for_shape(SHAPE)
    draw = torch.Generator().manual_seed(0)
    signs = torch.rand(200, *SHAPE, generator=draw, dtype=torch.float64).round() * 2.0 - 1.0
    signs[0] = 1.0
    largest = float(bound.lift(signs).norm(dim=1).max())
    assert largest <= bound.bounds.rounding_norm(SHAPE) <= math.sqrt(2 * 8 * 11) * (1.0 + 1e-11)


def test_in_pixels_there_is_no_action_but_the_identity() -> None:
    z = PIXELS.lift(SampleImage("noise", 0).tensor(SHAPE))
    none = column(0.0)
    assert torch.equal(PIXELS.act(z, none, none), z)
    for dx, dy in ((0.0, 1e-9), (1.0, 0.0)):
        with pytest.raises(ValueError, match="no exact action in pixels; give no scales"):
            PIXELS.act(z, column(dx), column(dy))
    assert PIXELS.bounds.action_error(z, (0.0, 0.0), (0.0, 0.0)) == 0.0
    x, (lower, upper) = SampleImage("noise", 0).tensor(SHAPE), boxes(0, 2)
    assert PIXELS.bounds.derivative_bound(x, lower, upper) is None
    assert PIXELS.bounds.curvature_bound(x, lower, upper) is None


# The cover


def excess(smooth: SmoothedClassifier, cover: Cover, x: Tensor, theta: Tensor) -> Tensor:
    """Distance, in units of sigma, by which attacks (n, 2) lie outside every ball, (n,)."""
    bound = smooth.transformation
    assert isinstance(bound, Translation)
    attacked = lifted(bound, x[None], theta)
    gaps = [
        (attacked - ball.z).norm(dim=1) / smooth.law.sigma - ball.margin for ball in cover.balls
    ]
    return torch.stack(gaps).amin(dim=0)


@pytest.mark.parametrize("space", ["pixels", "fourier"])
@pytest.mark.parametrize("padding", ["zeros", "reflection"])
def test_no_attack_escapes_a_cover_without_noise_on_the_shift(space: str, padding: str) -> None:
    shape = (1, 10, 10)
    image = SampleImage("blob", 3).tensor(shape)[0]
    bound = Translation(space=space, padding=padding).for_shape(shape)  # type: ignore[arg-type]
    network = Classifier(nn.Flatten(), classes=100, shape=shape)
    smooth = SmoothedClassifier(network, bound, GaussianLaw((), 0.5), seed=0)
    region = Region((-1.4, -0.5), (0.8, 2.0))
    cover = build_cover(smooth, image, region, centres=12)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    rng = np.random.default_rng(0)
    theta = torch.from_numpy(rng.uniform(region.lower, region.upper, (4000, 2)))
    assert float(excess(smooth, cover, image, theta).max()) <= 0.0
    worst = max(ball.margin for ball in cover.balls)
    assert worst < max(ball.margin for ball in build_cover(smooth, image, region, centres=2).balls)

"""Cyclic translation and blur against torch.roll, SciPy, extended precision and known radii."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from gsmooth import Classifier, Region, Transformation
from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import build_cover
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.theory.law import Law
from gsmooth.theory.laws import ExponentialLaw, GaussianLaw
from gsmooth_cyclic import CyclicBlur, CyclicTranslation
from tests.engine_objects import Labels, classifier, decided, most_by_chance
from tests.plugins.pointwise import survivors

SHAPE = (1, 6, 7)
EVERY = (CyclicTranslation(), CyclicBlur())
"""Both transformations of the package; an image size is still to be given."""
each = pytest.mark.parametrize("operator", EVERY, ids=[operator.name for operator in EVERY])
SIZES = [(6, 7), (8, 8), (5, 5), (2, 1), (1, 3), (28, 28)]
each_size = pytest.mark.parametrize("size", SIZES, ids=str)


def turned_exactly(z: Tensor, *theta: float) -> Tensor:
    """T of the translation for z (n, 5 * 7), axis by axis in 80-bit floats, from the definition."""
    grid = z.numpy().reshape(-1, 5, 7).astype(np.longdouble)
    grid = _rotated(grid.transpose(0, 2, 1), 6, theta[0]).transpose(0, 2, 1)
    return torch.from_numpy(_rotated(grid, 7, theta[1]).reshape(len(z), -1).astype(np.float64))


def _rotated(
    grid: np.typing.NDArray[np.longdouble], size: int, shift: float
) -> np.typing.NDArray[np.longdouble]:
    order = (size - 1) // 2
    turn = np.arange(1, order + 1, dtype=np.longdouble) * np.longdouble(shift) / size
    cos, sin = (
        np.cos(8 * np.arctan(np.longdouble(1)) * turn),
        np.sin(8 * np.arctan(np.longdouble(1)) * turn),
    )
    identity_action, cosine, sine = np.split(grid, [1, 1 + order], axis=2)
    return np.concatenate(
        [identity_action, cosine * cos - sine * sin, cosine * sin + sine * cos], axis=2
    )


def damped_exactly(z: Tensor, *theta: float) -> Tensor:
    """T of the blur for z (n, 5 * 7) in 80-bit floats, from the definition."""
    waves = [np.array([0, 1, 2, 1, 2]), np.array([0, 1, 2, 3, 1, 2, 3])]
    circle = 8 * np.arctan(np.longdouble(1))
    down, along = (w * circle / n for w, n in zip(waves, SHAPE[1:], strict=True))
    rate = (down[:, None] ** 2 + along**2) / 2
    damped = z.numpy().reshape(-1, 5, 7) * np.exp(-np.longdouble(theta[0]) * rate)
    return torch.from_numpy(damped.astype(np.float64).reshape(len(z), -1))


CHECKS = [
    pytest.param(check, id=f"{operator.name}-{check.__name__}")
    for operator, region, exact in (
        (CyclicTranslation(), Region((-2.0, -2.0), (2.0, 2.0)), turned_exactly),
        (CyclicBlur(), Region((0.0,), (2.0,)), damped_exactly),
    )
    for check in transformation_checks(
        operator, shape=SHAPE, region=region, examples=8, exact=exact
    )
]


@pytest.mark.parametrize("check", CHECKS)
def test_both_keep_their_promises(check: Callable[[], None]) -> None:
    check()


def images(count: int, height: int, width: int) -> Tensor:
    """(count, 2, height, width) in [0, 1]."""
    return torch.from_numpy(np.random.default_rng(5).random((count, 2, height, width)))


def column(*values: float) -> Tensor:
    """(n, 1) float64."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


@each_size
@pytest.mark.parametrize("shift", [(1, 0), (-3, 2), (4, 11)], ids=str)
def test_at_whole_pixels_the_attack_is_torch_roll(
    size: tuple[int, int], shift: tuple[int, int]
) -> None:
    x, operator = images(2, *size), CyclicTranslation().for_shape((2, *size))
    found = operator.attack(x, column(shift[0], shift[0]), column(shift[1], shift[1]))
    torch.testing.assert_close(found, torch.roll(x, shift, (2, 3)), rtol=0.0, atol=1e-13)


def test_between_whole_pixels_the_attack_is_scipys_shift_of_the_spectrum() -> None:
    x, operator = images(1, 9, 7), CyclicTranslation().for_shape((2, 9, 7))
    found = operator.attack(x, column(1.3), column(-0.45))
    for channel in range(2):
        spectrum = ndimage.fourier_shift(np.fft.fft2(x[0, channel].numpy()), (1.3, -0.45))
        np.testing.assert_allclose(
            found[0, channel].numpy(), np.fft.ifft2(spectrum).real, atol=1e-13
        )


def test_a_wide_blur_is_the_gaussian_filter_that_wraps_around() -> None:
    x = images(1, 12, 9)
    found = CyclicBlur().for_shape((2, 12, 9)).attack(x, column(4.0))
    expected = ndimage.gaussian_filter(x.numpy(), (0, 0, 2.0, 2.0), mode="wrap", radius=40)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-8)


@settings(max_examples=60)
@given(
    size=st.sampled_from(SIZES),
    down=st.floats(-40.0, 40.0),
    across=st.floats(-40.0, 40.0),
    variance=st.floats(0.0, 50.0),
    seed=st.integers(0, 99),
)
def test_lifting_the_attacked_image_is_acting_on_the_lifted_one(
    size: tuple[int, int], down: float, across: float, variance: float, seed: int
) -> None:
    x = torch.from_numpy(np.random.default_rng(seed).random((1, 2, *size)))
    for operator, theta in ((EVERY[0], (down, across)), (EVERY[1], (variance,))):
        bound = operator.for_shape((2, *size))
        columns = [column(value) for value in theta]
        attacked = bound.lift(bound.attack(x, *columns))
        assert float((attacked - bound.act(bound.lift(x), *columns)).norm()) < 1e-11


@each_size
def test_lift_and_readout_are_shared_bit_for_bit_and_only_alternating_parts_are_lost(
    size: tuple[int, int],
) -> None:
    x = images(3, *size)
    translation, blur = (operator.for_shape((2, *size)) for operator in EVERY)
    assert translation.z_space == blur.z_space == "cyclic-fourier"
    z = translation.lift(x)
    assert torch.equal(z, blur.lift(x))
    back = translation.readout(z, (2, *size))
    assert torch.equal(back, blur.readout(z, (2, *size)))
    torch.testing.assert_close(translation.lift(back), z, rtol=0.0, atol=1e-13)
    assert z.shape[1] == 2 * math.prod(side - (side + 1) % 2 for side in size)
    for axis, side in ((2, size[0]), (3, size[1])):
        shape = [-1 if a == axis else 1 for a in range(4)]
        if side % 2 == 0:
            signs = (1.0 - 2.0 * (torch.arange(side) % 2).double()).reshape(shape)
            assert float((back * signs).sum(dim=axis).abs().max()) < 1e-13


def test_blur_and_translation_commute() -> None:
    translation, blur = (operator.for_shape((1, 8, 9)) for operator in EVERY)
    z = translation.lift(torch.from_numpy(np.random.default_rng(1).random((2, 1, 8, 9))))
    shift, variance = (column(1.7, -2.0), column(0.3, 9.0)), column(0.8, 2.5)
    one = blur.act(translation.act(z, *shift), variance)
    other = translation.act(blur.act(z, variance), *shift)
    torch.testing.assert_close(one, other, rtol=0.0, atol=1e-13)


@each
def test_one_centre_has_nothing_left_over(operator: Transformation) -> None:
    g = threshold(operator, lambda x: x[:, 0, 0, 0] > 0.5, 1.0)
    low = tuple(0.0 if operator.one_sided else -3.0 for _ in operator.parameters)
    region = Region(low, (3.0,) * len(low))
    cover = build_cover(g, SampleImage("noise", 4).tensor((1, 8, 8))[0], region, 1)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    (ball,) = cover.balls
    # The middle of the region is found by iteration; its shift to the corners is all there is.
    alone = float(g.law.margin(np.array([region.upper]), np.zeros(1))[0])
    assert ball.margin == pytest.approx(alone, abs=2e-3)


def test_attacks_that_ring_cannot_be_rounded_with_a_proof() -> None:
    g = threshold(CyclicTranslation(), lambda x: x[:, 0, 0, 0] > 0.5, 1.0)
    region = Region((-1.0, -1.0), (1.0, 1.0), 0.0, 8)
    cover = build_cover(g, SampleImage("noise", 4).tensor((1, 8, 8))[0], region)
    assert cover.guarantee is Guarantee.HEURISTIC


def threshold(
    operator: Transformation, above: Callable[[Tensor], Tensor], scale: float, size: int = 8
) -> SmoothedClassifier:
    """Class 1 where ``above`` holds, under Gaussian shifts or exponential variances."""
    law: Law = GaussianLaw((scale,) * len(operator.parameters), 2.0**-5)
    if operator.one_sided:
        law = ExponentialLaw(scale, 2.0**-5)
    network = Classifier(Labels(above), classes=2, shape=(1, size, size))
    return SmoothedClassifier(network, operator, law, seed=7, batch_size=8192)


# A half-space with a known radius (O1, O2): of a wave with norm SIZE and PERIOD pixels down the
# image, class 1 has the shifts below REACH. The half-space's other edge is PERIOD / 2 away.
PERIOD, SIZE, REACH = 32, 64.0, 1.5


def wave(start: float) -> Tensor:
    """A wave of norm 1 whose crest lies ``start`` pixels down, (1, PERIOD, 1)."""
    place = torch.arange(PERIOD, dtype=torch.float64) - start
    return (torch.cos(2.0 * math.pi / PERIOD * place) * math.sqrt(2.0 / PERIOD))[None, :, None]


def behind(scale: float, seed: int = 7) -> SmoothedClassifier:
    """Class 1 where the wave's crest lies less than REACH pixels down."""
    edge = wave(REACH - PERIOD / 4.0).float()
    module = Labels(lambda x: (x.float() * edge).sum(dim=(1, 2, 3)) > 0.0)
    law = GaussianLaw((scale, scale), 2.0**-8)
    return SmoothedClassifier(
        classifier(module, (1, PERIOD, 1)), CyclicTranslation(), law, seed=seed, batch_size=8192
    )


def downwards(reach: float) -> Region:
    """[-reach, reach] px down, and nothing across."""
    return Region((-reach, 0.0), (reach, 0.0))


def test_the_radius_of_a_half_space_is_its_distance_in_pixels() -> None:
    g, x = behind(1.0), SIZE * wave(0.0)
    mode = RegionMode(alpha=0.001, max_votes=4000)
    for reach, expected in ((0.6 * REACH, 10), (1.03 * REACH, 0)):
        cover = build_cover(g, x, downwards(reach), 1)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        found = [f.certificate for f in decided(g, cover, mode, 10)]
        assert sum(isinstance(c, Certified) and c.label == 1 for c in found) == expected
    wide = build_cover(g, x, downwards(2.0 * REACH), "clean")
    found = [f.certificate for f in decided(g, wide, RadiusMode(0.05, n=1024), 60)]
    ends = [c.region.upper[0] for c in found if isinstance(c, Certified)]
    assert sum(end > REACH for end in ends) <= most_by_chance(0.05, len(ends))
    assert 0.85 * REACH < float(np.mean(ends)) < REACH


def fading(reach: float, scale: float) -> SmoothedClassifier:
    """Class 1 where the wave of SIZE is blurred by less than ``reach`` px^2."""
    rate = (2.0 * math.pi / PERIOD) ** 2 / 2.0
    crest, left = wave(0.0).float(), SIZE * math.exp(-rate * reach)
    module = Labels(lambda x: (x.float() * crest).sum(dim=(1, 2, 3)) > left)
    return SmoothedClassifier(
        classifier(module, (1, PERIOD, 1)),
        CyclicBlur(),
        ExponentialLaw(scale, 2.0**-4),
        batch_size=8192,
        seed=0,
    )


def test_the_radius_of_a_half_space_is_its_distance_in_variance() -> None:
    reach, scale = 36.0, 12.0
    true = reach - scale * math.log(2.0)  # Where half of the noise takes the wave beyond it.
    g, x = fading(reach, scale), SIZE * wave(0.0)
    cover = build_cover(g, x, Region((0.0,), (reach,)), "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    found = [f.certificate for f in decided(g, cover, RadiusMode(0.001, n=4096), 10)]
    ends = [c.region.upper[0] for c in found if isinstance(c, Certified) and c.label == 1]
    assert len(ends) == 10
    assert 0.85 * true < float(np.mean(ends)) <= max(ends) < true


def test_no_attack_changes_what_is_certified_without_noise_on_shifts() -> None:
    region = Region((-0.1, -0.1), (0.1, 0.1))
    assert survivors(CyclicTranslation(), (), region, sigma=0.1, images=4) >= 2


@each
@settings(max_examples=30)
@given(seed=st.integers(0, 999), where=st.floats(-1.0, 1.0))
def test_no_image_moves_faster_than_the_action_derivative(
    operator: Transformation, seed: int, where: float
) -> None:
    bound = operator.for_shape((2, 6, 7))
    z = bound.lift(torch.from_numpy(np.random.default_rng(seed).normal(size=(3, 2, 6, 7))))
    derivative = bound.bounds.action_derivative(z)
    assert derivative is not None
    start = abs(where) if operator.one_sided else where
    for axis in range(len(operator.parameters)):
        for step in (1e-4, 0.5):
            theta = [column(*[start] * 3) for _ in operator.parameters]
            before = bound.act(z, *theta)
            theta[axis] = theta[axis] + step
            moved = (bound.act(z, *theta) - before).norm(dim=1)
            assert bool((moved <= derivative[:, axis] * step + 1e-11).all())
    fixed = bound.fixed_part(z)
    torch.testing.assert_close(bound.act(fixed, *theta), fixed)
    torch.testing.assert_close(bound.fixed_part(fixed), fixed)
    assert bool(((fixed * (z - fixed)).sum(dim=1).abs() < 1e-12).all())
    # All that can move does: the rest of z has no part that stays.
    assert float(bound.fixed_part(z - fixed).norm()) == 0.0

"""Whole-pixel shifts that are read through a window: what votes can read, and what that costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth import Region
from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, Status, check_results, transformation_checks
from gsmooth.theory.grid_uniform import GridUniformLaw
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.in_space import InSpace, SpaceBounds
from gsmooth_translation import IntegerTranslation
from gsmooth_translation.window import WindowSpace
from tests.plugins.pointwise import network

Floats = npt.NDArray[np.float64]
SHAPE = (1, 8, 9)
STEPS = 2
LAW = GridUniformLaw((float(STEPS), float(STEPS)), (0, 1), sigma=0.25)
WIDE = Region((-2.0, -1.0), (2.0, 1.0))


CHECKS = transformation_checks(
    IntegerTranslation(window_px=4),
    shape=SHAPE,
    region=Region((-2.0, -1.0), (2.0, 2.0)),
    examples=8,
)


@pytest.mark.parametrize("check", CHECKS)
def test_a_window_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def column(*values: float) -> Tensor:
    """(n, 1) float64."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


def noise(seed: int, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((1, *shape)))


def size(image: Tensor) -> tuple[int, int, int]:
    """(C, H, W) of images (1, C, H, W)."""
    return image.shape[1], image.shape[2], image.shape[3]


def smoothed(
    window: int, law: GridUniformLaw | GaussianLaw = LAW, pad: int = 0
) -> SmoothedClassifier:
    """A random network of the window."""
    operator = IntegerTranslation(window_px=window, window_pad_px=pad)
    return SmoothedClassifier(
        network((SHAPE[0], window, window)), operator, law, seed=0, image_shape=SHAPE
    )


steps = st.integers(-STEPS, STEPS)
places = st.tuples(st.integers(-2, 2), st.integers(-2, 2))


def common(shift: tuple[int, int], far: int = STEPS) -> Iterator[tuple[int, int]]:
    """Every step of the support that stays in it when the attack is undone."""
    for across, down in itertools.product(range(-far, far + 1), repeat=2):
        if abs(across - shift[0]) <= far and abs(down - shift[1]) <= far:
            yield across, down


@settings(max_examples=40)
@given(
    centre=places, shift=st.tuples(steps, steps), window=st.integers(1, 8), pad=st.integers(0, 2)
)
def test_common_votes_read_what_is_visible_and_nothing_else(
    centre: tuple[int, int], shift: tuple[int, int], window: int, pad: int
) -> None:
    operator = IntegerTranslation(window_px=window, window_pad_px=pad).for_shape(SHAPE)
    apart = operator.lift(noise(1)) + 1.0
    rows = torch.tensor([centre, shift], dtype=torch.float64)
    found = operator.bounds.visible(apart, rows[:1], rows[1:], (float(STEPS),) * 2)
    read = torch.zeros_like(apart)
    moved = operator.act(apart, *(column(v) for v in centre))
    kept = operator.act(found, *(column(v) for v in centre))
    marks = torch.arange(apart.shape[1], dtype=torch.float64)[None]
    for s in common(shift):
        theta = [column(v) for v in s]
        views = [operator.readout(operator.act(z, *theta), SHAPE) for z in (moved, kept)]
        assert torch.equal(*views)
        there = operator.act(operator.act(marks, *(column(v) for v in centre)), *theta)
        read[0, operator.readout(there, SHAPE).flatten().long()] = 1.0
    # Nothing is counted that no common vote reads.
    assert torch.equal(found != 0.0, read.bool())


def worst(here: Floats, there: Floats, share: float) -> float:
    """Least share at ``there`` of a classifier with ``share`` at ``here`` (Neyman and Pearson).

    Both are distributions over what votes read; the classifier may be randomized.
    """
    ratio = np.divide(there, here, out=np.full_like(here, np.inf), where=here > 0.0)
    kept = lost = 0.0
    for place in np.argsort(ratio, kind="stable"):
        part = min(here[place], share - kept)
        if part <= 0.0:
            break
        kept += part
        lost += part * ratio[place]
    return lost


def reads(operator: IntegerTranslation, image: Tensor) -> Floats:
    """What every vote reads without noise on the pixels: (steps, pixels of the window)."""
    theta = np.array(list(itertools.product(range(-STEPS, STEPS + 1), repeat=2)), dtype=float)
    columns = torch.from_numpy(theta).tensor_split(2, dim=1)
    z = operator.act(operator.lift(image), *columns)
    return operator.readout(z, size(image)).flatten(1).numpy()


def worst_of_all(window: int, image: Tensor, theta: tuple[int, int], share: float) -> float:
    """Least share after an attack, over all classifiers of the window with ``share`` before."""
    operator = IntegerTranslation(window_px=window).for_shape(size(image))
    attacked = operator.attack(image, *(column(float(v)) for v in theta))
    both = np.concatenate([reads(operator, image), reads(operator, attacked)])
    _, kind = np.unique(both, axis=0, return_inverse=True)
    half, kinds = len(both) // 2, int(kind.max()) + 1
    here, there = (np.bincount(part, minlength=kinds) / half for part in (kind[:half], kind[half:]))
    return worst(here, there, share)


@pytest.mark.parametrize("theta", [(1, 0), (-1, 1), (1, -1), (0, -1)])
@pytest.mark.parametrize("levels", [2, 256])
def test_no_classifier_of_a_window_that_is_certified_loses_its_class(
    theta: tuple[int, int], levels: int
) -> None:
    region = Region([min(0, v) for v in theta], [max(0, v) for v in theta])
    for seed in range(4):
        image = (noise(seed) * levels).floor() / levels
        (ball,) = build_cover(smoothed(4), image[0], region, "clean").balls
        assert ball.margin == pytest.approx(float(LAW.margin([float(v) for v in theta])), abs=1e-6)
        assert worst_of_all(4, image, theta, ball.required_p) >= 0.5
    # The share is attained: images whose pixels all differ have a classifier that loses its class.
    assert worst_of_all(4, noise(9), theta, ball.required_p - 0.02) < 0.5


def test_a_window_one_pixel_too_large_is_not_certified_for_nothing() -> None:
    image, theta = noise(3), (1, 1)
    region, share = Region((0.0, 0.0), (1.0, 1.0)), float(LAW.required_p([1.0, 1.0]))
    # Without a residual it would be certified falsely; the cover has one.
    assert worst_of_all(5, image, theta, share) < 0.5
    (ball,) = build_cover(smoothed(5), image[0], region, "clean").balls
    assert ball.required_p > share + 0.05


def test_a_window_of_side_less_two_steps_has_no_residual_however_wide_the_attack() -> None:
    for count in (1, 4, 9):
        cover = build_cover(smoothed(4), noise(3)[0], WIDE, count)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        assert {ball.theta == tuple(map(round, ball.theta)) for ball in cover.balls} == {True}
        worst_shift = LAW.margin([[2.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
        if count == 1:
            assert cover.balls[0].margin == pytest.approx(float(worst_shift[0]), abs=1e-6)
        assert max(ball.margin for ball in cover.balls) <= float(worst_shift[0]) + 1e-6
    assert cover.balls[0].required_p < 0.75


def test_margins_count_the_visible_part_of_every_attack_from_every_centre() -> None:
    g, image = smoothed(7), noise(5)
    operator = IntegerTranslation(window_px=7).for_shape(SHAPE)
    cover = build_cover(g, image[0], WIDE, 3)
    covered = 0
    for dx, dy in itertools.product(range(-2, 3), range(-1, 2)):
        attacked = operator.lift(operator.attack(image, column(dx), column(dy)))
        margins = []
        for ball in cover.balls:
            shift = (dx - round(ball.theta[0]), dy - round(ball.theta[1]))
            residual = 0.0
            for s in common(shift):
                theta = [column(a - g_) for a, g_ in zip(s, shift, strict=True)]
                seen = operator.readout(operator.act(attacked, *theta), SHAPE)
                here = operator.readout(operator.act(ball.z[None], *map(column, s)), SHAPE)
                residual = max(residual, float((seen - here).norm()))
            margins.append((float(g.law.margin([shift], [residual])[0]), ball.margin))
        covered += any(needed <= claimed + 1e-6 for needed, claimed in margins)
    assert covered == 15


def test_the_l2_ball_on_top_is_paid_for_in_units_of_sigma() -> None:
    region = Region(WIDE.lower, WIDE.upper, 0.1)
    (ball,) = build_cover(smoothed(4), noise(3)[0], region, "clean").balls
    assert ball.margin == pytest.approx(float(LAW.margin([2.0, 1.0], 0.1)), abs=1e-6)


def test_without_noise_on_the_shift_the_window_is_all_that_counts() -> None:
    dot = torch.zeros(SHAPE, dtype=torch.float64)
    dot[0, 0, 0] = 1.0
    region = Region((0.0, 0.0), (1.0, 0.0))
    for window, free in ((4, True), (8, False)):
        (ball,) = build_cover(smoothed(window, GaussianLaw((), 0.25)), dot, region, 1).balls
        assert (ball.margin < 1e-6) is free


def test_a_padded_canvas_lets_a_window_see_beyond_the_image() -> None:
    g = smoothed(8, pad=2)
    blank = torch.zeros(SHAPE, dtype=torch.float64)
    blank[0, 3:5, 3:5] = 0.5
    (ball,) = build_cover(g, blank, WIDE, "clean").balls
    # The ink stays inside, so nothing is lost.
    assert ball.margin == pytest.approx(float(LAW.margin([2.0, 1.0])), abs=1e-6)


class NarrowBounds(SpaceBounds["Narrow"]):
    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        # Wrong: the window that is read is one pixel wider.
        return WindowSpace(SHAPE[1:], 0, 3).visible(apart, centre, shift, reach)


@dataclass(frozen=True)
class Narrow(InSpace):
    """Reads a window of 4 pixels to a side, and says that it is one of 3."""

    name = "narrow"
    parameters = IntegerTranslation.parameters
    orthogonal = True
    bounds_class = NarrowBounds

    @property
    def whole_steps(self) -> tuple[str, ...]:
        return ("dx", "dy")

    @property
    def coordinates(self) -> WindowSpace:
        return WindowSpace(SHAPE[1:], 0, 4)

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (shape[0], 4, 4)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return IntegerTranslation().attack(x, *theta)


def test_the_kit_finds_a_window_that_is_wider_than_its_bounds_say() -> None:
    region, only = Region((-2.0, -1.0), (2.0, 2.0)), ["votes_read_no_more_than_is_visible"]
    (found,) = check_results(Narrow(), shape=SHAPE, region=region, only=only)
    assert found.status is Status.FAILED
    assert "reads what visible leaves out" in found.why


def test_gaussian_noise_is_refused_for_pixels_that_move_by_whole_steps() -> None:
    with pytest.raises(ConfigurationError, match=r"dx and dy of .* whole steps.*GridUniform"):
        smoothed(4, GaussianLaw((1.0, 1.0), 0.25))


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="more than the 8 pixels of the canvas"):
        IntegerTranslation(window_px=9).for_shape(SHAPE)
    with pytest.raises(ValueError, match="window_pad_px"):
        IntegerTranslation(window_px=4, low_pass_px=1.0)
    operator = IntegerTranslation(window_px=4).for_shape(SHAPE)
    with pytest.raises(ValueError, match=r"whole steps; got 0\.5 px"):
        operator.act(operator.lift(noise(1)), column(0.5), column(0.0))


def test_sample_images_of_any_kind_have_finite_margins() -> None:
    image = SampleImage("blob", 3).tensor(SHAPE)[0]
    cover = build_cover(smoothed(4), image, WIDE, 4)
    assert all(math.isfinite(ball.margin) for ball in cover.balls)

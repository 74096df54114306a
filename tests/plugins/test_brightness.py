"""The brightness plugin: its promises, exact radii, what clipping costs, and no attack beats it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_brightness import Brightness
from tests.plugins.pointwise import around, radius_is, survivors, threshold

SMALL = (1, 6, 7)


def exact(z: Tensor, b: float) -> Tensor:
    """T_b z with 64 bits of mantissa, rounded once."""
    return torch.from_numpy((z.numpy().astype(np.longdouble) + b).astype(np.float64))


CHECKS = transformation_checks(Brightness(), shape=SMALL, region=around(0.3), exact=exact)
CLIPPED = transformation_checks(
    Brightness(clip=True), shape=SMALL, region=around(0.3), examples=10, exact=exact
)


@pytest.mark.parametrize("check", CHECKS)
def test_brightness_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", CLIPPED)
def test_clipped_brightness_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def test_the_radius_of_a_threshold_on_the_mean_is_its_distance() -> None:
    g = threshold(Brightness(), lambda x: x.mean(dim=(1, 2, 3)) > 0.4, 0.1)
    radius_is(g, torch.full((1, 8, 8), 0.5, dtype=torch.float64), 0.1)


def test_clipping_does_not_change_a_radius_that_no_pixel_is_clipped_within() -> None:
    g = threshold(Brightness(clip=True), lambda x: x.mean(dim=(1, 2, 3)) > 0.4, 0.1)
    radius_is(g, torch.full((1, 8, 8), 0.5, dtype=torch.float64), 0.1)


@given(
    kind=st.sampled_from(("noise", "step", "blob", "checkerboard")),
    seed=st.integers(0, 1000),
    low=st.integers(-40, 40).map(lambda ticks: ticks / 64.0),
    width=st.integers(0, 20).map(lambda ticks: ticks / 64.0),
)
@settings(max_examples=40)
def test_the_speed_of_the_carried_image_is_the_root_of_the_number_of_clipped_pixels(
    kind: str, seed: int, low: float, width: float
) -> None:
    x, operator = SampleImage(kind, seed).tensor(SMALL), Brightness(clip=True)
    ends = torch.tensor([[[low]], [[low + width]]], dtype=torch.float64)
    bound = float(operator.bounds.derivative_bound(x, *ends))
    inside = torch.linspace(low, low + width, 41, dtype=torch.float64)[:, None]
    moved = x + inside[:, :, None, None]
    clipped = (moved > 1.0) | (moved < 0.0)
    assert bound >= math.sqrt(float(clipped.sum(dim=(1, 2, 3)).max()))
    # Every pixel that counts is clipped somewhere: at the ends, if anywhere.
    assert bound <= math.sqrt(float(clipped.any(dim=0).sum())) * (1.0 + 1e-9)


def test_a_clipped_cover_is_individual_rounding_included_and_an_unclipped_one_is_not() -> None:
    x = SampleImage("noise", 5).tensor(SMALL)[0]
    for clip, expected in ((True, Guarantee.INDIVIDUAL), (False, Guarantee.HEURISTIC)):
        g = threshold(Brightness(clip=clip), lambda x: x[:, 0, 0, 0] > 0, 0.1, shape=SMALL)
        assert build_cover(g, x, around(0.1, bits=8)).guarantee is expected


def test_what_clipping_leaves_over_is_in_the_margin() -> None:
    white = torch.ones(SMALL, dtype=torch.float64)
    g = threshold(Brightness(clip=True), lambda x: x[:, 0, 0, 0] > 0, 0.1, sigma=0.25, shape=SMALL)
    (ball,) = build_cover(g, white, Region((0.0,), (0.1,)), "clean").balls
    # All 42 pixels are clipped at once: the residual at b is b times their root.
    expected = math.hypot(0.1 / 0.1, 0.1 * math.sqrt(42.0) / 0.25)
    assert expected <= ball.margin <= expected + 0.05
    (darker,) = build_cover(g, white, Region((-0.1,), (0.0,)), "clean").balls
    assert darker.margin == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("bits", [0, 8])
def test_no_attack_changes_what_is_certified_with_clipping(bits: int) -> None:
    operator = Brightness(clip=True)
    assert survivors(operator, (0.1,), around(0.05, bits)) >= 2


def test_no_attack_changes_what_is_certified_without_clipping() -> None:
    assert survivors(Brightness(), (0.15,), around(0.15, l2=0.05)) >= 2


def test_no_attack_changes_what_is_certified_without_noise_on_brightness() -> None:
    assert survivors(Brightness(clip=True), (), around(0.05, 8)) >= 2


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="low < high"):
        Brightness(clip=True, low=1.0, high=0.0)


def test_the_law_stays_one_of_isometries() -> None:
    g = threshold(Brightness(), lambda x: x[:, 0, 0, 0] > 0, 0.1)
    assert isinstance(g.law, GaussianLaw)
    assert g.law.orthogonal

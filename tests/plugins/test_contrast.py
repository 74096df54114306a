"""The contrast plugin: exact radii, residuals that noise lengthens (T5), and no attack beats it."""

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
from gsmooth.transforms.region import Region
from gsmooth_contrast import Contrast
from tests.plugins.pointwise import around, radius_is, survivors, threshold

SMALL = (1, 6, 7)


def exact(z: Tensor, k: float) -> Tensor:
    """T_k z about .5 with 64 bits of mantissa, rounded once."""
    moved = (z.numpy().astype(np.longdouble) - 0.5) * np.exp(np.longdouble(k)) + 0.5
    return torch.from_numpy(moved.astype(np.float64))


CHECKS = transformation_checks(
    Contrast(), shape=SMALL, region=around(0.4), examples=15, exact=exact
)
CLIPPED = transformation_checks(
    Contrast(clip=True), shape=SMALL, region=around(0.4), examples=10, exact=exact
)


@pytest.mark.parametrize("check", CHECKS)
def test_contrast_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", CLIPPED)
def test_clipped_contrast_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def test_the_radius_of_a_threshold_on_the_contrast_is_a_logarithm() -> None:
    g = threshold(Contrast(), lambda x: (x - 0.5).mean(dim=(1, 2, 3)) > 0.1, 0.4, sigma=2.0**-6)
    radius_is(g, torch.full((1, 8, 8), 0.65, dtype=torch.float64), math.log(1.5))


def test_the_same_radius_holds_with_rounding_where_its_share_is_small() -> None:
    operator = Contrast(clip=True)
    g = threshold(operator, lambda x: (x - 0.5).mean(dim=(1, 2, 3)) > 0.1, 0.4, sigma=0.25)
    x = torch.full((1, 8, 8), 0.65, dtype=torch.float64)
    region = around(0.2, bits=12)
    (ball,) = build_cover(g, x, region, "clean").balls
    left = math.sqrt(64.0) * region.half_level() / 0.25
    assert ball.margin >= math.hypot(0.5, left)
    assert ball.margin <= math.hypot(0.5, 6.0 * left) + 0.03


@given(
    kind=st.sampled_from(("noise", "step", "blob")),
    seed=st.integers(0, 1000),
    about=st.floats(0.0, 1.0),
    low=st.floats(-1.0, 1.0),
    width=st.floats(0.0, 0.5),
)
@settings(max_examples=40)
def test_what_clipping_carries_back_is_never_farther_from_the_grey_than_the_image(
    kind: str, seed: int, about: float, low: float, width: float
) -> None:
    x, operator = SampleImage(kind, seed).tensor(SMALL), Contrast(about=about, clip=True)
    ends = torch.tensor([[[low]], [[low + width]]], dtype=torch.float64)
    bound = float(operator.bounds.derivative_bound(x, *ends))
    assert bound <= float((x - about).norm()) * (1.0 + 1e-9)
    if low + width < 0.0:
        assert bound == 0.0
    identity_action = float(operator.bounds.attack_derivative_bound(x, *ends))
    assert identity_action <= math.exp(low + width) * float((x - about).norm()) * (1.0 + 1e-9)


def test_what_is_left_over_is_lengthened_by_nearly_all_of_the_noise() -> None:
    # One white pixel is clipped: C = 1 / 2 + e^-k / 2 in it, about 1 / 2.
    x = torch.full((1, 1, 1), 1.0, dtype=torch.float64)
    g = threshold(
        Contrast(clip=True), lambda x: x[:, 0, 0, 0] > 0, 0.2, sigma=0.25, shape=(1, 1, 1)
    )
    (ball,) = build_cover(g, x, Region((0.0,), (0.2,)), "clean").balls
    left = 0.5 * (1.0 - math.exp(-0.2)) / 0.25
    assert ball.margin >= math.hypot(1.0, left * math.exp(0.2 * 2.5))
    assert ball.margin <= math.hypot(1.0, left * math.exp(0.2 * 4.0)) + 0.06


def test_rounding_and_an_l2_ball_are_proved_with_noise_on_contrast() -> None:
    x = SampleImage("noise", 5).tensor(SMALL)[0]
    g = threshold(Contrast(clip=True), lambda x: x[:, 0, 0, 0] > 0, 0.2, shape=SMALL)
    for region in (around(0.1, bits=8), around(0.1, l2=0.1), around(0.1)):
        assert build_cover(g, x, region).guarantee is Guarantee.INDIVIDUAL
    unclipped = threshold(Contrast(), lambda x: x[:, 0, 0, 0] > 0, 0.2, shape=SMALL)
    assert build_cover(unclipped, x, around(0.1, bits=8)).guarantee is Guarantee.HEURISTIC


@pytest.mark.parametrize(("clip", "bits"), [(False, 0), (True, 8)])
def test_no_attack_changes_what_is_certified(clip: bool, bits: int) -> None:
    assert survivors(Contrast(clip=clip), (0.2,), around(0.1, bits)) >= 2


def test_no_attack_changes_what_is_certified_without_noise_on_contrast() -> None:
    assert survivors(Contrast(clip=True), (), around(0.1, 8)) >= 2


@pytest.mark.parametrize("about", [-0.1, 1.5, math.nan])
def test_a_grey_outside_the_range_is_refused(about: float) -> None:
    with pytest.raises(ValueError, match="about="):
        Contrast(about=about, clip=True)

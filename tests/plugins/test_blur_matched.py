"""Blur by sampled kernels that are named by their own variance."""

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

import gsmooth
from gsmooth import Region
from gsmooth.certificate import Guarantee
from gsmooth.cover import Cover, build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import transformation_checks
from gsmooth.theory.laws import UniformLaw
from gsmooth_blur import Blur
from gsmooth_blur.matched import MatchedKernel
from tests.engine_objects import Labels, classifier

OMEGA = torch.linspace(0.0, math.pi, 41, dtype=torch.float64)

CHECKS = transformation_checks(
    Blur("matched", radius_px=9), shape=(1, 6, 7), region=Region((0.0,), (2.0,)), examples=5
)


@pytest.mark.parametrize("check", CHECKS)
def test_a_matched_kernel_keeps_every_promise(check: Callable[[], None]) -> None:
    check()


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(st.integers(1, 40), st.floats(0.0, 1.0))
def test_the_kernel_has_the_variance_it_is_called_by(radius: int, part: float) -> None:
    kernel = MatchedKernel(radius)
    variance = part * kernel.largest
    weights = kernel.weights(column(variance))[0]
    place = torch.arange(-radius, radius + 1, dtype=torch.float64)
    assert float(weights.min()) >= 0.0
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-13)
    assert float(weights @ place.square()) == pytest.approx(variance, abs=1e-11 * radius**2)


@pytest.mark.parametrize("variance", [0.02, 0.4, 2.0, 9.0])
def test_it_is_scipys_kernel_under_another_name(variance: float) -> None:
    x = torch.from_numpy(np.random.default_rng(5).random((1, 1, 12, 9)))
    kernel = MatchedKernel(7)
    sigma = math.sqrt(-0.5 / math.log(float(kernel.base(column(variance)))))
    expected = ndimage.gaussian_filter(x[0, 0].numpy(), sigma, mode="reflect", radius=7)
    found = Blur("matched", 7).attack(x, column(variance)[:, None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


@settings(max_examples=40)
@given(st.sampled_from([1, 2, 9]), st.floats(0.0, 0.95), st.floats(1e-4, 0.05))
def test_transfers_bend_no_more_than_their_bounds(radius: int, start: float, width: float) -> None:
    kernel = MatchedKernel(radius)
    lower = start * kernel.largest
    upper = min(lower + width * kernel.largest, kernel.largest)
    variance = torch.linspace(lower, upper, 33, dtype=torch.float64)
    transfer, slope = kernel.transfer(variance, OMEGA)
    assert bool((slope.abs() <= OMEGA.square() / 2.0 * (1.0 + 1e-9) + 1e-12).all())
    steps = variance.diff()[:, None]
    assert bool((transfer.diff(dim=0).abs() <= OMEGA.square() / 2.0 * steps + 1e-12).all())
    # Of one frequency along one axis: power 1 at (0, omega).
    for place in (5, 20, 40):
        power, zero = torch.ones(1, 1, dtype=torch.float64), column(0.0)
        ends = column(lower), column(upper)
        bound = float(kernel.kernel_curvature(power, zero, OMEGA[place : place + 1], *ends))
        changed = slope[:, place].diff().abs()
        assert bool((changed <= bound * steps[:, 0] + 1e-10).all())


def test_the_slope_at_no_blur_is_finite_and_known() -> None:
    identity_action = column(0.0).requires_grad_(True)
    middle = MatchedKernel(4).weights(identity_action)[0, 4]
    (gradient,) = torch.autograd.grad(middle, identity_action)
    # Of a small variance v, v / 2 goes to either side.
    assert float(gradient) == pytest.approx(-1.0)


def cover(blur: Blur, image: Tensor) -> Cover:
    law = UniformLaw(4.0, 0.25, non_negative=True)
    g = SmoothedClassifier(
        classifier(Labels(lambda x: x.sum((1, 2, 3)) > 0.0), (1, 28, 28)), blur, law, seed=0
    )
    return build_cover(g, image, Region((0.0,), (4.0,)), 4)


def test_a_digit_is_covered_that_a_kernel_under_its_usual_name_leaves_out() -> None:
    image = gsmooth.load_data("shipped:digits", "heldout").image(0).double()
    named, matched = cover(Blur("sampled"), image), cover(Blur("matched"), image)
    assert matched.guarantee is Guarantee.INDIVIDUAL
    assert max(ball.margin for ball in named.balls) == math.inf
    assert max(ball.margin for ball in matched.balls) < 1.2


def test_a_variance_that_no_kernel_has_is_refused_with_the_largest() -> None:
    blur = Blur("matched", radius_px=2)
    with pytest.raises(ConfigurationError, match="radius_px=2 have 2 at most"):
        cover(blur, torch.zeros(1, 28, 28, dtype=torch.float64))


def test_a_black_image_does_not_move_at_any_blur() -> None:
    operator = Blur(kernel="matched", radius_px=9).for_shape((1, 6, 7))
    ends = torch.linspace(0.0, 2.0, 9, dtype=torch.float64)[:, None]
    black = torch.zeros(1, 1, 6, 7, dtype=torch.float64)
    assert float(operator.bounds.derivative_bound(black, ends[:-1], ends[1:]).max()) < 1e-6
    assert bool(operator.bounds.derivative_bound(black, ends[:-1], ends[1:]).isfinite().all())

"""The additive Gaussian plugin: its promises, and covers that are one ball around the image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian

SHAPE = (2, 5, 7)


@pytest.mark.parametrize("check", transformation_checks(Gaussian(), shape=SHAPE))
def test_additive_noise_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


@given(ratio=st.floats(0.0, 4.0), sigma=st.floats(0.05, 2.0), seed=st.integers(0, 100))
def test_the_cover_is_one_ball_around_the_image_with_the_radius_as_margin(
    ratio: float, sigma: float, seed: int
) -> None:
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    smoothed = SmoothedClassifier(network, Gaussian(), GaussianLaw((), sigma), seed=0)
    x = SampleImage("noise", seed).tensor(SHAPE)[0]
    cover = build_cover(smoothed, x, Region(l2=ratio * sigma))
    (ball,) = cover.balls
    assert torch.equal(ball.z, x.flatten())
    assert ratio * (1.0 - 1e-15) <= ball.margin <= ratio + 1e-3
    assert cover.guarantee is Guarantee.INDIVIDUAL


def test_without_the_grid_the_same_cover_is_only_heuristic() -> None:
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    smoothed = SmoothedClassifier(network, Gaussian(), GaussianLaw((), 0.5), grid=0.0, seed=0)
    cover = build_cover(smoothed, torch.zeros(SHAPE, dtype=torch.float64), Region(l2=1.0))
    assert cover.guarantee is Guarantee.HEURISTIC

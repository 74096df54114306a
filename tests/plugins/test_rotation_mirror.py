"""Every orientation of an image and of its mirror image: O(2) under Haar noise (T7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.testing.supremum import worst_attack
from gsmooth.theory.haar import HaarLaw
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.transforms.composition import composed
from gsmooth_brightness import Brightness
from gsmooth_rotation import Rotation, RotationMirror

SHAPE = (1, 12, 12)
CHECKS = transformation_checks(RotationMirror(low_pass_px=1.0), shape=(1, 9, 9), examples=4)
LAW = HaarLaw((0, 1), (360.0, 2.0), 0.25, steps=(0.0, 1.0))
WHOLE = gs.Region((-180.0, 0.0), (180.0, 1.0))


@pytest.mark.parametrize("check", CHECKS)
def test_rotation_with_mirror_images_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def columns(*theta: float) -> tuple[Tensor, ...]:
    return tuple(torch.full((1, 1), value, dtype=torch.float64) for value in theta)


def smoothed(operator: Any, law: Law) -> SmoothedClassifier:
    model = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    return SmoothedClassifier(model, operator, law, seed=0)


@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 12, 15), (3, 16, 16)])
def test_the_mirror_image_changes_signs_of_polar_coefficients(shape: tuple[int, int, int]) -> None:
    operator, x = RotationMirror().for_shape(shape), SampleImage("noise", 2).tensor(shape)
    found, expected = operator.act(operator.lift(x), *columns(0.0, 1.0)), operator.lift(x.flip(3))
    assert float((found - expected).norm()) <= 1e-7 * float(x.norm())


def test_without_mirror_images_it_is_the_rotation() -> None:
    alone, both = Rotation().for_shape(SHAPE), RotationMirror().for_shape(SHAPE)
    x = SampleImage("blob", 2).tensor(SHAPE)
    assert torch.equal(alone.attack(x, *columns(33.0)), both.attack(x, *columns(33.0, 0.0)))
    z = alone.lift(x)
    assert torch.equal(z, both.lift(x))
    assert torch.equal(alone.act(z, *columns(33.0)), both.act(z, *columns(33.0, 0.0)))


@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_one_ball_holds_every_orientation_and_its_mirror_image(l2: float) -> None:
    """Proved, and no larger by much than the two balls of the image and of its mirror image."""
    image = SampleImage("blob", 4).tensor(SHAPE)
    operator = RotationMirror(low_pass_px=1.2)
    g = smoothed(operator, LAW)
    region = gs.Region(WHOLE.lower, WHOLE.upper, l2=l2)
    cover = build_cover(g, image[0], region, 1)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    (ball,) = cover.balls
    theta, excess = worst_attack(g, image, cover)
    assert excess <= 0.0, theta
    rotations = smoothed(Rotation(low_pass_px=1.2), HaarLaw((0,), (360.0,), 0.25))
    turned = gs.Region((-180.0,), (180.0,), l2=l2)
    alone = [
        build_cover(rotations, x[0], turned, 1).balls[0].margin for x in (image, image.flip(3))
    ]
    assert max(alone) - 0.05 <= ball.margin <= 2.0 * max(alone)


def test_probabilities_are_equal_all_over_the_group() -> None:
    """T7 (a), by quadrature over the circle and both images, for half-spaces of z-space."""
    operator = RotationMirror(low_pass_px=1.2).for_shape(SHAPE)
    z = operator.lift(SampleImage("noise", 5).tensor(SHAPE))
    w = torch.randn(z.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    every = torch.arange(128, dtype=torch.float64)[:, None] * (360.0 / 128)

    def share(point: Tensor) -> float:
        scores = [
            operator.act(point.expand(128, -1), every, torch.full_like(every, flip)) @ w
            for flip in (0.0, 1.0)
        ]
        return float(torch.special.ndtr(torch.cat(scores) / (0.3 * w.norm())).mean())

    p = share(z)
    for angle, flip in ((17.3, 0.0), (-100.0, 1.0), (180.0, 1.0)):
        assert share(operator.act(z, *columns(angle, flip))) == pytest.approx(p, abs=1e-12)


def test_noise_on_the_angle_alone_is_refused_since_the_group_does_not_add_up() -> None:
    partly = HaarLaw((1,), (10.0, 2.0), 0.25, steps=(0.0, 1.0))
    with pytest.raises(ConfigurationError, match="noise on angle of rotation-mirror is Haar"):
        smoothed(RotationMirror(), partly)
    with pytest.raises(ConfigurationError, match="the only noise on angle and flip"):
        smoothed(RotationMirror(), GaussianLaw((10.0, 1.0), 0.25))


def test_online_certificates_of_mirrored_images_are_not_claimed() -> None:
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    ends = torch.zeros(1, 2, dtype=torch.float64)
    assert RotationMirror().for_shape(SHAPE).bounds.preimages(x, ends, ends, 0.0) is None


def test_with_brightness_on_top_every_attack_is_held() -> None:
    options: dict[str, Any] = {
        "rotation_mirror": RotationMirror(low_pass_px=1.2),
        "brightness": Brightness(clip=False),
    }
    both = composed(RotationMirror, Brightness)(**options)
    g = smoothed(both, HaarLaw((0, 1), (360.0, 2.0, 0.2), 0.25, steps=(0.0, 1.0, 0.0)))
    image = SampleImage("blob", 4).tensor(SHAPE)
    region = gs.Region((-90.0, 0.0, -0.05), (90.0, 1.0, 0.05))
    cover = build_cover(g, image[0], region, 1)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    theta, excess = worst_attack(g, image, cover)
    assert excess <= 0.0, theta

"""Rotations of images whose contrast is normalized: what is certified, and what is refused (T9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth.certificate import Guarantee
from gsmooth.cover import Cover, build_cover
from gsmooth.cover.bounds.margin_model import check_region
from gsmooth.cover.distributional import distributional_cover
from gsmooth.cover.online import build_online_cover
from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import transformation_checks
from gsmooth.theory.parameter_noise import Gaussian, Haar
from gsmooth.transforms.composition import composed
from gsmooth.transforms.options import recorded_options
from gsmooth.transforms.region import Region
from gsmooth_brightness import Brightness
from gsmooth_rotation import Rotation, RotationMirror

SHAPE, SIGMA = (2, 16, 16), 0.1
PLAIN = Rotation(low_pass_px=1.0, radius_px=7.0, edge_px=3.0)
EVEN = replace(PLAIN, contrast=0.2)


def image(seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 2, 5, 5, generator=draw, dtype=torch.float64)
    fine = nn.functional.interpolate(coarse, size=SHAPE[1:], mode="bilinear", align_corners=True)
    return fine[0].contiguous()


def smoothed(operator: Rotation, **noise: Gaussian | Haar) -> SmoothedClassifier:
    network = Classifier(nn.Flatten(), classes=512, shape=SHAPE)
    return SmoothedClassifier(network, operator, noise=noise, sigma=SIGMA, seed=1)


def excess(g: SmoothedClassifier, cover: Cover, x: Tensor, theta: Tensor) -> float:
    """By how much the worst attack lies outside the margin of the best ball, as votes see it."""
    operator, worst = g.transformation, np.full(len(theta), np.inf)
    columns = theta.tensor_split(theta.shape[1], dim=1)
    attacked = operator.lift(operator.attack(x.repeat(len(theta), 1, 1, 1), *columns))
    carried = operator.act(attacked, *operator.inverse(columns))
    for ball in cover.balls:
        place = torch.tensor([ball.theta], dtype=torch.float64).tensor_split(len(ball.theta), dim=1)
        centre = operator.act(ball.z[None], *operator.inverse(place))
        residual = (carried - centre).norm(dim=1).numpy()
        shift = (theta - torch.tensor([ball.theta])).numpy()
        worst = np.minimum(worst, g.law.margin(shift, residual) - ball.margin)
    return float(worst.max())


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        replace(EVEN, radius_px=5.0, edge_px=2.0), region=Region((-20.0,), (30.0,)), examples=8
    ),
)
def test_a_normalized_contrast_keeps_all_promises(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("noise", "low", "high"), [(Gaussian(12.0), -25, 40), (Haar(), -180, 180)])
@pytest.mark.parametrize("contrast", [1.0, 0.1, 0.01])
def test_every_attack_lies_within_the_margin_of_a_ball(
    noise: Gaussian | Haar, low: float, high: float, contrast: float
) -> None:
    g, x = smoothed(EVEN, angle=noise), 0.2 + contrast * (image() - 0.2)
    cover = build_cover(g, x, Region(angle=(low, high)))
    angles = torch.linspace(low, high, 1301, dtype=torch.float64)[:, None]
    found = excess(g, cover, x, angles)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    # Below 0, since not every point within the residual is as far away as it can be.
    assert -0.2 * max(ball.margin for ball in cover.balls) < found <= 1e-12
    # The oracle sees a cover whose margins are too small.
    shrunk = tuple(replace(ball, margin=0.75 * ball.margin) for ball in cover.balls)
    assert excess(g, replace(cover, balls=shrunk), x, angles) > 0.0


def test_mirror_images_are_covered_as_well() -> None:
    operator = RotationMirror(low_pass_px=1.0, radius_px=7.0, edge_px=3.0, contrast=0.2)
    g, x = smoothed(operator, angle=Haar(), flip=Haar()), image(3)
    cover = build_cover(g, x, Region(angle=(-180, 180), flip=(0, 1)))
    angles = torch.linspace(-180.0, 180.0, 721, dtype=torch.float64)
    flips = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert excess(g, cover, x, torch.cartesian_prod(angles, flips)) <= 1e-12


def test_dark_images_need_the_shares_of_bright_ones() -> None:
    region = Region(angle=(-10, 10))
    bright, dark = image(), 0.3 * image()

    def margins(operator: Rotation, x: Tensor) -> list[float]:
        cover = build_cover(smoothed(operator, angle=Gaussian(12.0)), x, region, 3)
        return sorted(ball.margin for ball in cover.balls)

    assert margins(EVEN, dark) == pytest.approx(margins(EVEN, bright), rel=1e-3)
    assert margins(PLAIN, dark)[-1] < 0.85 * margins(PLAIN, bright)[-1]


def test_contrast_and_level_of_an_image_are_not_seen() -> None:
    operator = EVEN.for_shape(SHAPE)
    before, fainter = operator.lift(image()[None]), operator.lift(0.3 * image()[None])
    assert torch.allclose(before, fainter, atol=1e-12)
    level = torch.tensor([0.1, 0.4], dtype=torch.float64)[:, None, None]
    after = operator.lift(image()[None] + level)
    # What the rim of the disc and the pixel grid leave of a constant is not taken away.
    assert float((after - before).norm()) < 0.02 * float(before.norm())
    spread = image().flatten(1).std(dim=1, unbiased=False).square().mean().sqrt()
    raw, even = operator.linear_lift(image()[None]).norm(), before.norm()
    assert float(even / raw) == pytest.approx(0.2 / float(spread), rel=0.6)


def test_faint_images_stay_faint() -> None:
    operator = replace(EVEN, least_contrast=0.1).for_shape(SHAPE)
    faint = operator.lift(0.5 + 0.001 * (image()[None] - 0.5))
    normalization = operator.normalization(SHAPE)
    assert normalization is not None
    assert float(faint.norm()) < 0.02 * normalization.level
    assert float(operator.lift(torch.zeros(1, *SHAPE, dtype=torch.float64)).norm()) == 0.0


def test_what_has_no_proof_is_refused() -> None:
    g = smoothed(EVEN, angle=Gaussian(12.0))
    for region in (Region(angle=(-5, 5), l2=0.1), Region(angle=(-5, 5), bits=8)):
        with pytest.raises(ConfigurationError, match="leave out the contrast"):
            check_region(g, region)
    with pytest.raises(ConfigurationError, match="leave out the contrast"):
        distributional_cover(g, image(), Region(angle=(-5, 5)), 0.1, 3)
    with pytest.raises(ConfigurationError, match="leave out the contrast"):
        build_online_cover(g, image(), Region(angle=(-5, 5)))
    both = composed(Rotation, Brightness)(rotation=EVEN)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="normalizes the contrast"):
        both.for_shape(SHAPE)


class Forgetful(Rotation):
    """Normalizes nothing, and says so of another lift."""

    name = "forgetful"

    def lift(self, x: Tensor) -> Tensor:
        return self.linear_lift(x)


def test_a_lift_that_is_not_what_bounds_are_of_is_refused() -> None:
    operator = Forgetful(low_pass_px=1.0, radius_px=7.0, contrast=0.2)
    g = smoothed(operator, angle=Gaussian(12.0))
    with pytest.raises(PluginError, match="lift is not normalization after linear_lift"):
        build_cover(g, image(), Region(angle=(-5, 5)))


@pytest.mark.parametrize("options", [{"contrast": 0.0}, {"contrast": 0.1, "least_contrast": -1.0}])
def test_a_contrast_is_a_positive_number(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be a positive number"):
        Rotation(**options)  # type: ignore[arg-type]


def test_a_contrast_is_for_coefficients_and_views_of_them() -> None:
    for options in ({"space": "pixels"}, {"view": "wiener"}):
        with pytest.raises(ValueError, match="contrast is for space='polar'"):
            Rotation(contrast=0.1, **options)  # type: ignore[arg-type]


def test_runs_without_a_contrast_keep_their_identity() -> None:
    assert "contrast" not in recorded_options(PLAIN)
    assert "contrast" not in PLAIN.z_space
    assert recorded_options(EVEN)["contrast"] == 0.2
    assert "contrast 0.2" in EVEN.z_space

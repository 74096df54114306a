"""Covers that look at one step of what recurs hold what is elsewhere, too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gsmooth.cover.planning.planned import build_cover, plan_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.recurring import recurring_part
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.theory.parameter_noise import Gaussian, Haar
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation, RotationMirror

SHAPE = (1, 12, 12)
CIRCLE = Region((-180.0,), (180.0,))


def turning(noise: Gaussian | Haar, operator: Transformation | None = None) -> SmoothedClassifier:
    network = Classifier(nn.Flatten(), classes=144, shape=SHAPE)
    operator = operator or Rotation(low_pass_px=1.0)
    options: dict[str, Any] = {name.name: noise for name in operator.parameters}
    return SmoothedClassifier(network, operator, noise=options, sigma=0.25, seed=1)


def image() -> torch.Tensor:
    return SampleImage("noise", 2).tensor(SHAPE)


@pytest.mark.parametrize("bounds", [(-180.0, 180.0), (-100.0, 170.0), (-10.0, 95.0)])
def test_a_cover_of_one_quarter_holds_every_orientation(bounds: tuple[float, float]) -> None:
    g, x = turning(Haar()), image()
    region = Region((bounds[0],), (bounds[1],))
    (ball,) = build_cover(g, x[0], region).balls
    theta = torch.linspace(*bounds, 4001, dtype=torch.float64)[:, None]
    centre = g.transformation.act(ball.z[None], torch.tensor([[-ball.theta[0]]]).double())
    far = (PulledBackImage(g.transformation, x).points(theta) - centre).norm(dim=1) / 0.25
    assert float(far.max()) <= ball.margin
    assert ball.margin <= float(far.max()) + 0.05


def test_one_step_around_zero_is_looked_at_and_the_farthest_one_is_paid_for() -> None:
    g, x = turning(Haar()), image()
    step, error = g.transformation.bounds.recurrence(x, 0) or (0.0, 0.0)
    whole = recurring_part(g, x, CIRCLE)
    assert (whole.region.lower, whole.region.upper) == ((-45.0,), (45.0,))
    assert step == 90.0
    assert whole.error == pytest.approx(2.0 * error)
    beside = recurring_part(g, x, Region((-10.0,), (95.0,)))
    assert (beside.region.lower, beside.region.upper) == ((-10.0,), (80.0,))
    assert beside.error == pytest.approx(error)


def test_without_haar_noise_and_in_narrow_regions_all_is_looked_at() -> None:
    x = image()
    for g, region in (
        (turning(Gaussian(4.0)), CIRCLE),
        (turning(Haar()), Region((-40.0,), (40.0,))),
    ):
        part = recurring_part(g, x, region)
        assert (part.region, part.error) == (region, 0.0)


def test_the_grid_of_a_quarter_serves_mirror_images_as_well() -> None:
    g = turning(Haar(), RotationMirror(low_pass_px=1.0))
    planned = plan_cover(g, image()[0], Region((-180.0, 0.0), (180.0, 1.0)), 1)
    part = recurring_part(g, image(), Region((-180.0, 0.0), (180.0, 1.0)))
    assert part.region.upper == (45.0, 1.0)
    assert len(planned.balls) == 1  # type: ignore[union-attr]


def test_what_is_said_of_a_part_is_added_to_every_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    g, x = turning(Haar()), image()
    before = build_cover(g, x[0], CIRCLE).balls[0].margin
    bounds = type(g.transformation.bounds)
    step, error = bounds.recurrence(g.transformation.bounds, x, 0) or (0.0, 0.0)
    monkeypatch.setattr(bounds, "recurrence", lambda self, x, axis: (step, error + 0.1))
    after = build_cover(g, x[0], CIRCLE).balls[0].margin
    assert after == pytest.approx(before + 2.0 * 0.1 / 0.25, rel=1e-6)

"""Estimates of certified accuracy: against a half-space, and against proved covers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from gsmooth import Exponential
from gsmooth.cover import IndividualCovers
from gsmooth.data.item import Item
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.training.estimate import CertifiedEstimate
from gsmooth.training.sampled_cover import SampledCovers
from gsmooth.transforms.region import Region
from gsmooth_blur import Blur
from gsmooth_rotation import Rotation


class Mean(nn.Module):
    """Class 1 if the mean of the pixels exceeds one half: a half-space."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([self.threshold.expand_as(mean), mean], dim=1)


MEANS = (0.3, 0.45, 0.49, 0.51, 0.55, 0.7)
LABELS = [int(mean > 0.5) for mean in MEANS]
ITEMS = [Item(k, torch.full((1, 4, 4), mean, dtype=torch.float64)) for k, mean in enumerate(MEANS)]


def estimate(l2: float, sigma: float = 0.25) -> CertifiedEstimate:
    g = SmoothedClassifier(
        Mean(), "gaussian", sigma=sigma, num_classes=2, input_shape=(1, 4, 4), seed=0
    )
    return CertifiedEstimate(g, ITEMS, LABELS, Region(l2=l2))


@pytest.mark.parametrize(("l2", "certified"), [(0.0, 6), (0.1, 4), (0.4, 2), (1.0, 0)])
def test_a_half_space_counts_where_its_boundary_is_farther_than_the_ball(
    l2: float, certified: int
) -> None:
    # The mean is at a distance of 4 |mean - 1/2| from the boundary; the nearest ones are .04 away,
    # where 64 votes can go either way: none of them decides a case.
    found = estimate(l2)(Mean())
    distances = [4.0 * abs(mean - 0.5) for mean in MEANS]
    assert certified == sum(distance > l2 + 0.04 or l2 == 0.0 for distance in distances)
    assert abs(found * 6 - certified) <= (2 if l2 < 0.1 else 0)


def test_a_network_that_is_wrong_without_an_attack_certifies_nothing() -> None:
    assert estimate(0.0)(Mean(0.9)) == 0.5


def test_the_same_network_gets_the_same_estimate() -> None:
    assert estimate(0.1)(Mean()) == estimate(0.1)(Mean())


def test_a_better_network_gets_a_better_estimate() -> None:
    judge = estimate(0.15)
    assert judge(Mean(0.5)) > judge(Mean(0.72))


def smooth(size: int = 12) -> Tensor:
    ramp = torch.linspace(0.2, 0.8, size, dtype=torch.float64)
    return (ramp[:, None] * ramp[None, :])[None]


@pytest.mark.parametrize("centres", [1, 2, 4])
def test_sampled_covers_require_about_what_proved_ones_do(centres: int) -> None:
    g = SmoothedClassifier(
        Mean(), "rotation", std={"angle": 6.0}, sigma=0.25, num_classes=2, input_shape=(1, 12, 12)
    )
    region = Region(angle=(-12.0, 12.0))
    sampled = SampledCovers(g, smooth(), region).covers((1, 2, 4))[(1, 2, 4).index(centres)]
    proved = IndividualCovers(centres).cover(g, Item(0, smooth()), region)
    assert len(sampled) == centres
    shares = [max(ball.required_p for ball in cover) for cover in (sampled, proved.balls)]
    margins = norm.ppf(shares)
    assert margins[0] == pytest.approx(margins[1], rel=0.25)


def test_more_centres_require_smaller_shares() -> None:
    g = SmoothedClassifier(
        Mean(),
        "rotation+brightness",
        std={"angle": 4.0, "brightness": 0.1},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 12, 12),
    )
    region = Region(angle=(-10.0, 10.0), brightness=(-0.1, 0.1))
    covers = SampledCovers(g, smooth(), region).covers((1, 2, 4, 8))
    worst = [cover[0].required_p for cover in covers]
    assert worst == sorted(worst, reverse=True)
    assert [len(cover) for cover in covers] == [1, 2, 4, 8]


def test_without_noise_on_parameters_the_shift_costs_nothing_but_its_residual() -> None:
    g = SmoothedClassifier(
        Mean(), Rotation(), std={}, sigma=0.25, num_classes=2, input_shape=(1, 12, 12)
    )
    (one,), *_ = SampledCovers(g, smooth(), Region(angle=(-5.0, 5.0))).covers((1, 2))
    assert 0.5 < one.required_p < 1.0


def test_a_blur_has_one_centre_from_which_it_goes_one_way() -> None:
    g = SmoothedClassifier(
        Mean(),
        Blur(),
        noise={"variance": Exponential(2.0)},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 12, 12),
    )
    covers = SampledCovers(g, smooth(), Region(variance=(0.0, 1.0))).covers((1, 2))
    assert [len(cover) for cover in covers] == [1, 1]
    assert np.isfinite(covers[0][0].required_p)

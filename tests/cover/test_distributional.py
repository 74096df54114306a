"""Covers that rest on a calibrated error: they hold every attack of an image that it bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.certificate import Guarantee, Step
from gsmooth.certification import RegionMode
from gsmooth.cover import Cover
from gsmooth.cover.bounds.boxes import equal_boxes
from gsmooth.cover.bounds.origin import origin_of
from gsmooth.cover.bounds.supremum import pulled_back_suprema
from gsmooth.cover.distributional import cheapest_number, distributional_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from tests.cover.subjects import Weave, smoothed, uniform_thetas
from tests.engine_objects import Gain

TYPICAL = COVER.distributional.typical_fraction
SMALL = (1, 6, 6)
BOX = Region((-0.6, -0.2), (0.4, 0.5))
TURNS = Region((-30.0,), (10.0,))


def weave() -> SmoothedClassifier:
    return smoothed(Weave(), SMALL, (0.3, 0.2))


def rotation() -> SmoothedClassifier:
    return smoothed(Rotation(), (1, 12, 12), (6.0,), 0.2)


def image(shape: tuple[int, int, int] = SMALL, seed: int = 0) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.manual_seed(seed))


def error_of(g: SmoothedClassifier, x: Tensor, region: Region) -> float:
    pulled_back = PulledBackImage(g.transformation, x[None])
    ends = np.array([region.lower]), np.array([region.upper])
    return float(pulled_back_suprema(pulled_back, g.transformation.lift(x[None])[0], *ends)[0][0])


def needed(g: SmoothedClassifier, x: Tensor, cover: Cover, theta: np.ndarray) -> np.ndarray:
    """T4's joint distance of attacks at theta (n, m) from every centre of ``cover``: (n, balls)."""
    pulled_back = PulledBackImage(g.transformation, x[None])
    residual = (pulled_back.points(torch.from_numpy(theta)) - cover.clean).norm(dim=1).numpy()
    centres = np.array([ball.theta for ball in cover.balls])
    assert isinstance(g.law, GaussianLaw)
    shift = (theta[:, None] - centres[None]) / np.array(g.law.scales)
    squares = np.square(shift).sum(axis=2) + np.square(residual / g.law.sigma)[:, None]
    return np.asarray(np.sqrt(squares))


@pytest.mark.parametrize("centres", [1, 4, 7, 30])
@pytest.mark.parametrize("parameters", [1, 2])
def test_every_attack_lies_in_some_ball_if_the_error_bounds_the_image(
    centres: int, parameters: int
) -> None:
    g, region = (rotation(), TURNS) if parameters == 1 else (weave(), BOX)
    x = image(g.classifier.shape)
    cover = distributional_cover(g, x, region, error_of(g, x, region), centres)
    assert len(cover.balls) <= centres
    assert cover.guarantee is Guarantee.DISTRIBUTIONAL
    theta = uniform_thetas(region, 400)
    margins = np.array([ball.margin for ball in cover.balls])
    assert (needed(g, x, cover, theta) <= margins).any(axis=1).all()
    assert not (needed(g, x, cover, theta) <= 0.7 * margins).any(axis=1).all()


def test_an_error_that_the_image_exceeds_leaves_attacks_outside() -> None:
    g, x = rotation(), image((1, 12, 12))
    cover = distributional_cover(g, x, TURNS, error_of(g, x, TURNS) / 3.0, 8)
    margins = np.array([ball.margin for ball in cover.balls])
    assert not (needed(g, x, cover, uniform_thetas(TURNS, 400)) <= margins).any(axis=1).all()


@pytest.mark.parametrize("parameters", [1, 2])
def test_profiles_ask_enough_for_every_nested_region(parameters: int) -> None:
    g, region = (rotation(), TURNS) if parameters == 1 else (weave(), BOX)
    x = image(g.classifier.shape)
    cover = distributional_cover(g, x, region, error_of(g, x, region), 6)
    for fraction in (0.03, 0.2, 0.5, 0.77, 1.0):
        theta = uniform_thetas(region.scaled(fraction), 200)
        shares = np.array([required_p_at(ball.profile, fraction) for ball in cover.balls])
        required = required_p_of_margin(needed(g, x, cover, theta))
        assert ((required <= shares) & (shares > 0.0)).any(axis=1).all()


def required_p_at(profile: tuple[Step, ...], fraction: float) -> float:
    """What a profile asks for the region of this fraction: the step that reaches it."""
    return next(step.required_p for step in profile if step.fraction >= fraction)


def test_profiles_ascend_and_end_with_the_whole_region() -> None:
    cover = distributional_cover(weave(), image(), BOX, 0.1, 9)
    for ball in cover.balls:
        for before, after in itertools.pairwise(ball.profile):
            assert before.fraction < after.fraction
            assert before.required_p <= after.required_p
        assert ball.profile[-1] == Step(1.0, ball.required_p)
        assert ball.required_p == float(required_p_of_margin(ball.margin))


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=3),
    st.integers(0, 2**20),
)
@settings(deadline=None, max_examples=60)
def test_equal_boxes_fill_the_region_and_are_no_more_than_asked_for(
    count: int, ends: list[tuple[float, float]], seed: int
) -> None:
    region = Region(tuple(-low for low, _ in ends), tuple(high for _, high in ends))
    law = GaussianLaw(tuple(1.0 + k for k in range(len(ends))), 0.2)
    lower, upper = equal_boxes(region, law, count)
    assert 1 <= len(lower) <= count
    theta = uniform_thetas(region, 50, seed)
    below = np.all(theta[:, None] >= lower, axis=2)
    above = np.all(theta[:, None] <= upper, axis=2)
    assert np.any(below & above, axis=1).all()


def test_rounding_and_an_l2_ball_are_added_to_the_error() -> None:
    g, x = rotation(), image((1, 12, 12))
    plain = distributional_cover(g, x, TURNS, 0.1, 4).balls[0].margin
    grey = distributional_cover(g, x, replace(TURNS, bits=8), 0.1, 4).balls[0].margin
    ball = distributional_cover(g, x, replace(TURNS, l2=0.1), 0.1, 4).balls[0].margin
    operator = g.transformation
    half_level = operator.bounds.rounding_norm((1, 12, 12)) / 510.0
    shape = (1, 12, 12)
    for margin, added in ((grey, half_level), (ball, 0.1 * operator.bounds.lift_norm(shape))):
        square = plain**2 + ((0.1 + added) / 0.2) ** 2 - (0.1 / 0.2) ** 2
        assert margin == pytest.approx(square**0.5, abs=1e-4)


def test_the_middle_lies_between_the_clean_image_and_the_mean_of_a_grid() -> None:
    pulled_back = PulledBackImage(Weave(), image()[None])
    region = Region((-0.6, 0.0), (0.4, 0.0))
    grid = torch.zeros((9, 2), dtype=torch.float64)
    grid[:, 0] = torch.linspace(-0.6, 0.4, 9, dtype=torch.float64)
    expected = (image().flatten() + pulled_back.points(grid).mean(dim=0)) / 2
    assert torch.allclose(origin_of(pulled_back, region, "middle"), expected, atol=1e-14)
    assert torch.equal(origin_of(pulled_back, region, "clean"), image().flatten())


def test_few_centres_are_chosen_where_the_error_outweighs_the_shift() -> None:
    g, price = rotation(), RegionMode().price
    assert cheapest_number(g, TURNS, 0.4, price) <= cheapest_number(g, TURNS, 0.1, price)
    assert cheapest_number(g, Region((-1.0,), (1.0,)), 0.1, price) == 1
    costs = {count: cost(g, 0.3, count) for count in range(1, 20)}
    assert cost(g, 0.3, cheapest_number(g, TURNS, 0.3, price)) == min(costs.values())


def cost(g: SmoothedClassifier, error: float, count: int) -> float:
    """Expected votes for so many equal arcs of TURNS."""
    margins = g.law.margin(np.array([[40.0 / (2 * count)]]), np.array([error]))
    required_p = np.array([float(required_p_of_margin(margins[0]))])
    return count * float(RegionMode().price.votes(required_p, np.array([TYPICAL]))[0])


def test_without_a_grid_nothing_is_guaranteed() -> None:
    g = smoothed(Rotation(), (1, 12, 12), (6.0,), 0.2, grid=0.0)
    cover = distributional_cover(g, image((1, 12, 12)), TURNS, 0.1, 4)
    assert cover.guarantee is Guarantee.HEURISTIC


def test_what_t4_does_not_cover_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="orthogonal action"):
        distributional_cover(
            smoothed(Gain(), SMALL, (0.5,)), image(), Region((-0.1,), (0.1,)), 0.1, 2
        )
    with pytest.raises(ConfigurationError, match="is for parameters with noise"):
        distributional_cover(smoothed(Rotation(), SMALL, (), 0.2), image(), TURNS, 0.1, 2)
    with pytest.raises(ConfigurationError, match="is for parameters with noise"):
        distributional_cover(smoothed(Gaussian(), SMALL, ()), image(), Region(l2=0.1), 0.1, 2)

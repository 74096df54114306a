"""Covers of attacks that nothing undoes, and covers under laws that certify shifts >= 0 only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RegionMode
from gsmooth.cover import build_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.one_sided import forward_arcs
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.supremum import worst_attack
from gsmooth.theory.forward import ExponentialLaw, FoldedNormalLaw
from gsmooth.theory.law import Law
from gsmooth.theory.uniform import UniformLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from tests.certifying import certify
from tests.engine_objects import Labels, Turn, classifier, decided, on_ring, phase_deg

SHAPE = (1, 4, 4)
SIGMA = 0.25


def faded(z: Tensor, age: Tensor) -> Tensor:
    """Every entry of z (n, K) damped at its own rate: 1, 2, 3, 1, ... a unit of age."""
    return z * torch.exp(-age * (1.0 + torch.arange(z.shape[1], dtype=torch.float64) % 3.0))


class FadeBounds(TransformationBounds["Fade"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return float(z.norm(dim=1).max()) * (2.0**-48 + 3.0 * offset[0])

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.full_like(lower, self.of.height * self.of.derivative * float(x.norm()))


@final
@dataclass(frozen=True)
class Fade(Transformation):
    """A contraction that nothing undoes; the attack adds height sin(speed a) x to it."""

    height: float = 0.05
    derivative: float = 3.0

    name: ClassVar[str] = "fade"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("age", "a"),)
    one_sided: ClassVar[tuple[str, ...]] = ("age",)
    nonexpansive: ClassVar[bool] = True
    bounds_class = FadeBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        assert bool((theta[0] >= 0.0).all()), "nothing undoes it"
        return faded(z, theta[0])

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        added = self.height * torch.sin(self.derivative * theta[0]) * x.flatten(1)
        return (faded(x.flatten(1), theta[0]) + added).reshape(x.shape)


class UnclaimedBounds(TransformationBounds["Unclaimed"]):
    action_error = FadeBounds.action_error
    derivative_bound = FadeBounds.derivative_bound


@final
@dataclass(frozen=True)
class Unclaimed(Transformation):
    """The same, without the claim that it lengthens nothing."""

    name: ClassVar[str] = "unclaimed"
    parameters: ClassVar[tuple[Parameter, ...]] = Fade.parameters
    one_sided: ClassVar[tuple[str, ...]] = Fade.one_sided

    act, attack = Fade.act, Fade.attack
    height: float = 0.05
    derivative: float = 3.0
    bounds_class = UnclaimedBounds


@final
@dataclass(frozen=True)
class Misnamed(Transformation):
    """One-sided in a parameter that it does not have."""

    name: ClassVar[str] = "misnamed"
    parameters: ClassVar[tuple[Parameter, ...]] = Fade.parameters
    one_sided: ClassVar[tuple[str, ...]] = ("agee",)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return faded(z, theta[0])


LAWS: list[Law] = [
    ExponentialLaw(0.5, SIGMA),
    FoldedNormalLaw(0.7, SIGMA),
    UniformLaw(1.2, SIGMA),
]
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
REGION = Region((0.0,), (0.6,))


def smoothed(law: Law, transformation: Transformation | None = None) -> SmoothedClassifier:
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    return SmoothedClassifier(network, transformation or Fade(), law, seed=0)


def sample_image(seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(SHAPE))


@each_law
@pytest.mark.parametrize("centres", [1, 2, 5])
def test_no_attack_lies_outside_the_cover(law: Law, centres: int) -> None:
    g = smoothed(law)
    for seed in range(3):
        x = sample_image(seed)
        cover = build_cover(g, x, REGION, centres)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        assert worst_attack(g, x[None], cover, seed)[1] <= 0.0


@each_law
def test_margins_are_those_of_the_longest_shift_and_the_largest_residual(law: Law) -> None:
    g, x = smoothed(law), sample_image()
    (ball,) = build_cover(g, x, REGION, 1).balls
    shift = 0.6 if law.forward_axes else 0.3
    assert ball.theta[0] == pytest.approx(0.6 - shift)
    largest = 0.05 * math.sin(1.5) * float(x.norm())
    least = float(law.margin([shift], 0.0))
    most = float(law.margin([shift], 0.05 * float(x.norm())))
    assert least < ball.margin < most + 0.05
    assert float(law.margin([shift], largest)) <= ball.margin + 0.05


@each_law
def test_centres_are_the_clean_image_moved_on_to_where_their_law_wants_them(law: Law) -> None:
    g, x = smoothed(law), sample_image()
    cover = build_cover(g, x, REGION, 3)
    places = sorted(ball.theta[0] for ball in cover.balls)
    assert (places[0] == 0.0) == bool(law.forward_axes)
    assert len(places) == 3
    for ball in cover.balls:
        age = torch.tensor([ball.theta], dtype=torch.float64)
        np.testing.assert_allclose(ball.z, faded(x.flatten()[None], age)[0], atol=1e-15)
        assert math.isfinite(ball.margin)


@pytest.mark.parametrize("law", LAWS[:2], ids=lambda law: law.name)
def test_more_centres_ask_for_less(law: Law) -> None:
    g, x = smoothed(law, Fade(height=0.0)), sample_image()
    margins = [
        max(ball.margin for ball in build_cover(g, x, REGION, count).balls)
        for count in (1, 2, 4, 8)
    ]
    assert margins == sorted(margins, reverse=True)
    # Equal parts, up to one cell of a grid of 120.
    assert margins[2] <= float(law.margin([0.6 / 4 + 0.6 / 120])) + 0.02


def test_a_residual_is_proved_only_where_nothing_lengthens_it() -> None:
    cover = build_cover(smoothed(LAWS[0], Unclaimed()), sample_image(), REGION, 1)
    assert cover.guarantee is Guarantee.HEURISTIC
    exact = build_cover(smoothed(LAWS[0], Fade()), sample_image(), REGION, 1)
    assert exact.guarantee is Guarantee.INDIVIDUAL


def test_an_pulled_back_image_with_no_way_back_never_asks_for_one() -> None:
    x = sample_image()[None]
    pulled_back = PulledBackImage(Fade(), x)
    ages = torch.linspace(0.0, 1.0, 50, dtype=torch.float64)[:, None]
    assert pulled_back.origin is not None
    gap = pulled_back.points(ages) - pulled_back.origin
    expected = 0.05 * torch.sin(3.0 * ages) * x.flatten(1)
    assert float((gap - expected).abs().max()) < 1e-15
    assert PulledBackImage(Fade(), x, identity_action=True).origin is None
    assert PulledBackImage(Turn(), on_ring()[None]).origin is None


def test_one_sided_parameters_have_to_exist() -> None:
    g = smoothed(LAWS[0], Misnamed())
    with pytest.raises(ConfigurationError, match=r"misnamed: one_sided names 'agee'.*it has age"):
        build_cover(g, sample_image(), REGION)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 12), seed=st.integers(0, 99), anchored=st.booleans())
def test_arcs_of_a_forward_law_are_those_of_its_margins(
    count: int, seed: int, anchored: bool
) -> None:
    rng = np.random.default_rng(seed)
    law, theta = LAWS[seed % 2], np.sort(rng.random(count))
    points = torch.from_numpy(0.3 * rng.normal(size=(count, 3)))
    origin = torch.zeros(3, dtype=torch.float64) if anchored else None
    margins = forward_arcs(law, theta[:, None], points, origin).radii
    for cells in range(count - 1):
        for first in range(count - 1):
            last = first + cells + 1
            if last >= count:
                assert margins[cells, first] == np.inf
                continue
            own = points[first : last + 1]
            far = float((own - (own.mean(dim=0) if origin is None else origin)).norm(dim=1).max())
            least = float(law.margin([theta[last] - theta[first]], far))
            # Of a free centre it is known that no shorter arc has a larger ball.
            assert margins[cells, first] >= least - 1e-9
            if anchored:
                assert margins[cells, first] <= least + 1e-9


# Angles that an exponential law only adds to: class 1 below LIMIT degrees, at theta in 1 - exp(-
# (LIMIT - theta) / scale) of the votes, so up to LIMIT - scale ln 2.
LIMIT, SCALE = 60.0, 15.0
TRUE = LIMIT - SCALE * math.log(2.0)


def turning(seed: int = 0) -> SmoothedClassifier:
    network = Labels(lambda x: phase_deg(x) < LIMIT)
    law = ExponentialLaw(SCALE, 2.0**-8)
    return SmoothedClassifier(classifier(network, (1, 1, 2)), Turn(), law, seed=seed)


@pytest.mark.parametrize("centres", [1, 4])
def test_forward_laws_certify_what_moves_both_ways(centres: int) -> None:
    g, mode = turning(), RegionMode(max_votes=20_000)
    # At 0.3 of TRUE one centre at the lower end needs 1 - .5 exp(-2 * 0.3 * TRUE / SCALE).
    inside = build_cover(g, on_ring(), Region((-0.3 * TRUE,), (0.3 * TRUE,)), centres)
    assert inside.guarantee is Guarantee.INDIVIDUAL
    assert min(ball.theta[0] for ball in inside.balls) == -0.3 * TRUE
    found = [f.certificate for f in decided(g, inside, mode, 6)]
    assert all(isinstance(c, Certified) and c.label == 1 for c in found)
    outside = build_cover(g, on_ring(), Region((-0.3 * TRUE,), (1.05 * TRUE,)), centres)
    found = [f.certificate for f in decided(g, outside, mode, 6)]
    assert not any(isinstance(c, Certified) for c in found)


def test_covers_of_a_forward_law_are_planned_by_their_cost() -> None:
    region = Region((-0.5 * TRUE,), (0.8 * TRUE,))
    certificate = certify(turning(seed=5), on_ring(), region, RegionMode()).certificate
    assert isinstance(certificate, Certified)
    assert certificate.label == 1
    assert len(certificate.evidence) > 1

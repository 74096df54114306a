"""Covers under Haar noise: one ball for every orientation, proved over the whole circle (T7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.api import certify_many
from gsmooth.certification.task import CertifyTask
from gsmooth.cover import Cover, MarginModel, build_cover
from gsmooth.cover.online import build_online_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.data import digits
from gsmooth.data.item import Item
from gsmooth.errors import PluginError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import HaarLaw
from gsmooth.theory.normal import normal_cdf
from gsmooth.theory.parameter_noise import Gaussian, Haar
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.composition import composed
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation

SHAPE, SIGMA = (1, 12, 12), 0.25
CIRCLE = Region(angle=(-180, 180))


def image(seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(*SHAPE, generator=draw, dtype=torch.float64)


def smoothed(name: str, **noise: Gaussian | Haar) -> SmoothedClassifier:
    network = Classifier(nn.Flatten(), classes=144, shape=SHAPE)
    return SmoothedClassifier(network, name, noise=noise, sigma=SIGMA, seed=1)


def farthest(g: SmoothedClassifier, cover: Cover, x: Tensor, theta: Tensor) -> float:
    """The largest distance of an attack, pulled back, from the nearest centre, in sigmas."""
    points = PulledBackImage(g.transformation, x[None]).points(theta)
    centres = []
    for ball in cover.balls:
        back = (torch.tensor([[-value]], dtype=torch.float64) for value in ball.theta)
        centres.append(g.transformation.act(ball.z[None], *back)[0])
    far = torch.stack([(points - centre).norm(dim=1) for centre in centres])
    margins = torch.tensor([ball.margin for ball in cover.balls])[:, None]
    return float((far / SIGMA - margins).amin(dim=0).max())


@pytest.mark.parametrize("number", [None, 3])
def test_every_orientation_lies_in_a_ball(number: int | None) -> None:
    g, x = smoothed("rotation", angle=Haar()), image()
    cover = build_cover(g, x, CIRCLE, number)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert len(cover.balls) == (number or 1)
    draw = np.random.default_rng(0).uniform(-180.0, 180.0, 1500)
    assert farthest(g, cover, x, torch.from_numpy(draw[:, None])) <= 0.0


def test_the_whole_circle_costs_hardly_more_than_a_few_degrees() -> None:
    x, shape = digits().images[7], (1, 28, 28)
    network = Classifier(nn.Flatten(), classes=784, shape=shape)
    g = SmoothedClassifier(network, "rotation", noise={"angle": Haar()}, sigma=SIGMA, seed=1)
    narrow = build_cover(g, x, Region(angle=(-5, 5))).balls[0].margin
    whole = build_cover(g, x, CIRCLE).balls[0].margin
    assert narrow <= whole <= 1.15 * narrow


def test_several_balls_of_one_law_are_smaller() -> None:
    g, x = smoothed("rotation", angle=Haar()), image()
    margins = [build_cover(g, x, CIRCLE, count).balls[0].margin for count in (1, 4)]
    assert margins[1] < 0.9 * margins[0]


def test_an_exact_torus_has_one_centre_and_no_margin() -> None:
    g, x = smoothed("cyclic-translation", down=Haar(), across=Haar()), image()
    cover = build_cover(g, x, Region.all(g))
    (ball,) = cover.balls
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert ball.margin < 1e-6


def test_an_l2_ball_on_top_adds_the_norm_of_the_lift() -> None:
    g, x = smoothed("rotation", angle=Haar()), image()
    plain = build_cover(g, x, CIRCLE).balls[0].margin
    more = build_cover(g, x, Region.all(g, l2=0.1)).balls[0].margin
    assert more == pytest.approx(plain + g.transformation.bounds.lift_norm(SHAPE) * 0.1 / SIGMA)


def test_brightness_beside_it_is_paid_for_at_a_right_angle() -> None:
    g = smoothed("rotation+brightness", angle=Haar(), brightness=Gaussian(0.1))
    x = image()
    region = Region.all(g, brightness=(-0.1, 0.1))
    cover = build_cover(g, x, region, 1)
    alone = build_cover(smoothed("rotation", angle=Haar()), x, CIRCLE, 1).balls[0].margin
    # Suprema are refined until they are within .04 of what was sampled.
    assert cover.balls[0].margin == pytest.approx(math.hypot(1.0, alone), abs=0.05)
    assert cover.guarantee is Guarantee.INDIVIDUAL


def test_the_float_error_covers_half_a_step_and_no_tails() -> None:
    g, x = smoothed("rotation", angle=Haar()), image()
    z = g.transformation.lift(x[None])[0]
    step = 360.0 * 2.0**-52
    angle = torch.zeros(1, 1, dtype=torch.float64)
    speed = g.transformation.bounds.action_derivative(z[None])
    assert speed is not None
    assert (g.numerical_error(z) or 0.0) >= step / 2 * float(speed)
    assert torch.allclose(g.transformation.act(z[None], angle + 360.0), z[None], atol=1e-9)
    assert MarginModel.at(g, CIRCLE, z, 0.0).proved
    assert g.total_variation(z) < 1e-9


@final
class Sector(nn.Module):
    """Class 1 where one pixel is bright: a half-space that no orientation is alike to."""

    def forward(self, x: Tensor) -> Tensor:
        bright = x.reshape(len(x), -1)[:, 40] - 0.45
        return torch.stack([-bright, bright], dim=1)


def test_no_attack_of_a_certified_image_changes_the_class_of_a_half_space() -> None:
    """f Q is a half-space of z, so shares on the circle are means of Phi, exactly (O1)."""
    network = Classifier(Sector(), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, "rotation", noise={"angle": Haar()}, sigma=SIGMA, seed=3)
    operator, turns = g.transformation, torch.arange(0.0, 360.0, 1.0, dtype=torch.float64)[:, None]
    K = len(operator.lift(image()[None])[0])
    w = operator.readout(torch.eye(K, dtype=torch.float64), SHAPE).reshape(K, -1)[:, 40]
    found = []
    for seed in range(8):
        x = image(seed) * (0.5 + 0.1 * seed)
        (ball,) = build_cover(g, x, CIRCLE).balls

        def share(z: Tensor) -> float:
            lead = operator.act(z.expand(360, -1), turns) @ w - 0.45
            return float(normal_cdf((lead / (SIGMA * w.norm())).numpy()).mean())

        attacks = torch.tensor([[0.0], [37.0], [45.0], [101.3], [-160.0]], dtype=torch.float64)
        attacked = operator.attack(x.expand(5, -1, -1, -1), attacks)
        shares = [share(z[None]) for z in operator.lift(attacked)]
        for at, side in (
            (share(ball.z[None]), shares),
            (1 - share(ball.z[None]), [1 - s for s in shares]),
        ):
            if at > ball.required_p:
                found.append(seed)
                assert min(side) > 0.5
    assert found


def test_one_centre_and_few_votes_certify_every_orientation() -> None:
    network = Classifier(Sector(), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, "rotation", noise={"angle": Haar()}, sigma=SIGMA, seed=3)
    region = Region.all(g)
    x = torch.ones(SHAPE)
    (outcome,) = certify_many(CertifyTask(g, region, RegionMode()), [Item(0, x)])
    assert isinstance(outcome.certificate, Certified)
    assert len(outcome.certificate.evidence) == 1
    assert outcome.votes < 1000
    (radius,) = certify_many(CertifyTask(g, region, RadiusMode(n=2000)), [Item(0, x)])
    assert isinstance(radius.certificate, Certified)
    assert radius.certificate.fraction == 1.0


def test_a_radius_is_that_of_the_l2_ball_on_top_of_every_orientation() -> None:
    network = Classifier(Sector(), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, "rotation", noise={"angle": Haar()}, sigma=SIGMA, seed=3)
    x, region = torch.ones(SHAPE), Region.all(g, l2=2.0)
    (outcome,) = certify_many(CertifyTask(g, region, RadiusMode(n=2000)), [Item(0, x)])
    found = outcome.certificate
    assert isinstance(found, Certified)
    assert 0.0 < found.fraction < 1.0
    assert found.region == Region(angle=(-180, 180), l2=2.0 * found.fraction)
    ball = build_cover(g, x, region).balls[0]
    assert ball.required_p_at is not None
    part = build_cover(g, x, Region.all(g, l2=1.0)).balls[0]
    assert ball.required_p_at(0.5) == pytest.approx(part.required_p, abs=1e-3)
    assert ball.required_p_at(1.0) == ball.required_p


def test_a_part_of_a_region_keeps_what_costs_nothing_and_shrinks_the_rest() -> None:
    g = smoothed("rotation+brightness", angle=Haar(), brightness=Gaussian(0.1))
    region = Region.all(g, brightness=(-0.1, 0.1))
    whole, half = (build_cover(g, image(), part, 1) for part in (region, region.scaled(1.0)))
    assert whole.region.scaled(0.5) == Region(angle=(-180, 180), brightness=(-0.05, 0.05))
    assert half.balls[0].margin == whole.balls[0].margin
    fractions = [step.fraction for step in whole.balls[0].profile]
    shares = [step.required_p for step in whole.balls[0].profile]
    assert len(fractions) > 2
    assert shares == sorted(shares)


@dataclass(frozen=True)
class Turn(Transformation):
    """A rotation about one axis of the space of three pixels; exact, in a z-space with a name."""

    axes: ClassVar[tuple[int, int]]
    orthogonal: ClassVar[bool] = True

    @property
    def z_space(self) -> str:
        return "three pixels"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        cos, sin = theta[0][:, 0].deg2rad().cos(), theta[0][:, 0].deg2rad().sin()
        first, second = self.axes
        moved = z.clone()
        moved[:, first] = cos * z[:, first] - sin * z[:, second]
        moved[:, second] = sin * z[:, first] + cos * z[:, second]
        return moved


@final
@dataclass(frozen=True)
class AboutZ(Turn):
    name: ClassVar[str] = "about-z"
    axes: ClassVar[tuple[int, int]] = (0, 1)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("yaw", "deg", period=360.0),)


@final
@dataclass(frozen=True)
class AboutX(Turn):
    name: ClassVar[str] = "about-x"
    axes: ClassVar[tuple[int, int]] = (1, 2)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("roll", "deg", period=360.0),)


def test_rotations_about_two_axes_do_not_commute_and_are_refused() -> None:
    network = Classifier(nn.Flatten(), classes=3, shape=(1, 1, 3))
    with pytest.raises(PluginError, match="their actions do not commute"):
        SmoothedClassifier(
            network,
            composed(AboutZ, AboutX)(),
            noise={"yaw": Haar(), "roll": Gaussian(57.3)},
            sigma=SIGMA,
        )


def test_a_region_is_all_of_every_period() -> None:
    torus = smoothed("cyclic-translation", down=Haar(), across=Haar())
    assert torus.law == HaarLaw((0, 1), (12.0, 12.0), SIGMA)
    assert Region.all(torus) == Region(down=(-6, 6), across=(-6, 6))
    assert load_transformation("rotation").periods(SHAPE) == (360.0,)


def test_an_image_that_may_have_been_turned_by_any_angle_has_its_original_in_a_ball() -> None:
    g, x = smoothed("rotation", angle=Haar()), image()
    turned = torch.tensor([[101.3]], dtype=torch.float64)
    attacked = (g.transformation.attack(x[None], turned)[0] * 255.0).round() / 255.0
    cover = build_online_cover(g, attacked, Region.all(g, bits=8), seconds=20.0)
    assert cover.guarantee is Guarantee.ONLINE
    original = g.transformation.act(g.transformation.lift(x[None]), turned)
    inside = []
    for ball in cover.balls:
        back = (torch.tensor([[-value]], dtype=torch.float64) for value in ball.theta)
        centre = g.transformation.act(ball.z[None], *back)
        inside.append(float((original - centre).norm()) <= ball.margin * SIGMA)
    assert any(inside)

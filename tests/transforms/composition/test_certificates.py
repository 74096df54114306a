"""Certificates of compositions: near the truth where it is known, never beyond, never beaten."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, special

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import build_cover
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from tests.engine_objects import Labels, decided, most_by_chance
from tests.plugins.pointwise import survivors

SHAPE = (1, 8, 8)
THRESHOLD = 0.4
DARK = 0.2
SIGMA = 0.125
ALPHA = 0.05


def brighter_than(threshold: float, spec: str, scales: tuple[float, ...]) -> SmoothedClassifier:
    """Class 1 where the mean pixel exceeds the threshold."""
    network = Classifier(
        Labels(lambda x: x.mean(dim=(1, 2, 3)) > threshold), classes=2, shape=SHAPE
    )
    operator = load_transformation(spec)
    return SmoothedClassifier(
        network, operator, GaussianLaw(scales, SIGMA), seed=7, batch_size=8192
    )


def darkest(g: SmoothedClassifier, x: torch.Tensor, angle_std: float, std: float) -> float:
    """-b at which the share of class 1 at x + b is 1/2, by quadrature over the noise on the angle.

    The mean pixel of Q z is <q, z>; under T_(theta, beta) and noise it is normal around <q, T_theta
    z> + beta <q, v>, given theta.
    """
    operator = g.transformation
    z = operator.lift(x[None])
    blank = torch.eye(z.shape[1], dtype=torch.float64)
    q = operator.readout(blank, SHAPE).flatten(1).mean(dim=1)
    v = operator.act(torch.zeros_like(z), torch.zeros(1, 1).double(), torch.ones(1, 1).double())
    along, spread = float(v[0] @ q), math.hypot(std * float(v[0] @ q), SIGMA * float(q.norm()))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    angles = torch.from_numpy(angle_std * nodes)[:, None]
    turned = operator.act(z.expand(len(nodes), -1), angles, torch.zeros_like(angles)) @ q

    def lead(b: float) -> float:
        shares = special.ndtr((turned.numpy() + b * along - DARK) / spread)
        return float(weights @ shares / weights.sum() - 0.5)

    return -float(optimize.brentq(lead, -2.0, 2.0))


def test_the_brightness_of_a_turned_image_is_certified_up_to_where_the_class_changes() -> None:
    g = brighter_than(DARK, "rotation+brightness", (4.0, 0.2))
    x = torch.full(SHAPE, 0.9, dtype=torch.float64)
    truth = darkest(g, x, 4.0, 0.2)
    assert 0.1 < truth < 1.0
    inside = Region((0.0, -0.6 * truth), (0.0, 0.6 * truth))
    found = decided(g, build_cover(g, x, inside, "clean"), RegionMode(max_votes=2000), 10)
    assert all(isinstance(f.certificate, Certified) for f in found)
    wide = Region((0.0, -2.0 * truth), (0.0, 2.0 * truth))
    mode = RadiusMode(ALPHA, n=1024)
    outcomes = [f.certificate for f in decided(g, build_cover(g, x, wide, "clean"), mode, 40)]
    fractions = [c.fraction for c in outcomes if isinstance(c, Certified)]
    assert len(fractions) == 40
    assert all(isinstance(c, Certified) and c.guarantee is Guarantee.INDIVIDUAL for c in outcomes)
    assert sum(2.0 * fraction > 1.0 for fraction in fractions) <= most_by_chance(
        ALPHA, len(fractions)
    )
    assert 0.8 < 2.0 * sum(fractions) / len(fractions) < 1.0


@pytest.mark.parametrize("centres", [1, 3])
def test_contrast_that_rests_is_paid_for_by_centres_beside_noisy_brightness(centres: int) -> None:
    g = brighter_than(THRESHOLD, "contrast+brightness", (0.0, 0.1))
    x = torch.full(SHAPE, 0.7, dtype=torch.float64)

    def lowest(contrast: float, brightness: float) -> float:
        """The mean of the worst attacked image, 0.5 + e^-contrast (0.7 - 0.5) - brightness."""
        return 0.5 + math.exp(-contrast) * 0.2 - brightness

    kept, broken = Region((-0.1, -0.08), (0.1, 0.08)), Region((-0.8, -0.22), (0.8, 0.22))
    assert lowest(0.1, 0.08) > THRESHOLD > lowest(0.8, 0.22)
    mode = RegionMode(max_votes=4000)
    found = decided(g, build_cover(g, x, kept, centres), mode, 5)
    assert all(isinstance(f.certificate, Certified) for f in found)
    assert all(c.certificate.guarantee is Guarantee.INDIVIDUAL for c in found)
    wrong = decided(g, build_cover(g, x, broken, centres), mode, 10)
    assert not any(isinstance(f.certificate, Certified) for f in wrong)


def test_more_centres_make_margins_of_resting_parameters_smaller() -> None:
    g = brighter_than(THRESHOLD, "contrast+brightness", (0.0, 0.1))
    x = SampleImage("noise", 2).tensor(SHAPE)[0]
    region = Region((-0.3, -0.05), (0.3, 0.05))
    few, many = (max(b.margin for b in build_cover(g, x, region, n).balls) for n in (1, 6))
    assert many < 0.5 * few


CASES = (
    ("rotation+brightness", (3.0, 0.15), Region((-4.0, -0.08), (4.0, 0.08))),
    ("rotation+brightness", (3.0, 0.15), Region((-4.0, -0.08), (4.0, 0.08), l2=0.05)),
    ("contrast+brightness", (0.0, 0.15), Region((-0.1, -0.08), (0.1, 0.08))),
    ("rotation+contrast", (3.0, 0.2), Region((-4.0, -0.08), (4.0, 0.08))),
    (
        "rotation+contrast+brightness",
        (3.0, 0.0, 0.15),
        Region((-3.0,) + 2 * (-0.05,), (3.0, 0.05, 0.05)),
    ),
)


@pytest.mark.parametrize(("spec", "scales", "region"), CASES)
def test_no_attack_changes_a_certified_class(
    spec: str, scales: tuple[float, ...], region: Region
) -> None:
    assert survivors(load_transformation(spec), scales, region, images=4) >= 1

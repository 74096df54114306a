"""Classifiers with a known radius, and a small network, for actions on pixel values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import Outcome, RadiusMode, RegionMode
from gsmooth.cover import Cover, build_cover
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from tests.certifying import certify_many
from tests.engine_objects import Labels, decided, most_by_chance

SHAPE = (1, 8, 8)
RANGE = (0.0, 1.0)


def around(reach: float, bits: int = 0, l2: float = 0.0) -> Region:
    """[-reach, reach] of one parameter."""
    return Region((-reach,), (reach,), l2, bits)


def threshold(
    operator: Transformation,
    above: Callable[[Tensor], Tensor],
    scale: float,
    *,
    sigma: float = 2.0**-5,
    shape: tuple[int, int, int] = SHAPE,
    input_range: tuple[float, float] = RANGE,
    batch_size: int = 8192,
) -> SmoothedClassifier:
    """Class 1 where ``above`` (N, C, H, W) -> (N,) holds, under Gaussian parameters."""
    network = Classifier(Labels(above), classes=2, shape=shape, input_range=input_range)
    law = GaussianLaw((scale,), sigma, operator.orthogonal)
    return SmoothedClassifier(network, operator, law, seed=7, batch_size=batch_size)


def radius_is(g: SmoothedClassifier, x: Tensor, radius: float) -> None:
    """Check certificates of g, whose class at x (C, H, W) is 1 up to ``radius`` and 0 beyond.

    Region mode certifies a region inside the radius and, except with probability alpha, none
    outside. Radius mode comes near the radius and exceeds it with probability at most alpha. The
    std of the noise on the parameter should be about the radius.
    """
    inside, outside = around(0.6 * radius), around(1.03 * radius)
    mode = RegionMode(alpha=0.001, max_votes=2000)
    found = [f.certificate for f in decided(g, _clean(g, x, inside), mode, 10)]
    assert all(isinstance(c, Certified) and c.label == 1 for c in found)
    assert all(c.guarantee is Guarantee.INDIVIDUAL for c in found)
    wrong = decided(g, _clean(g, x, outside), mode, 10)
    assert not any(isinstance(f.certificate, Certified) for f in wrong)
    fractions = _fractions(
        decided(g, _clean(g, x, around(2.0 * radius)), RadiusMode(0.05, n=1024), 40)
    )
    assert sum(2.0 * fraction > 1.0 for fraction in fractions) <= most_by_chance(
        0.05, len(fractions)
    )
    assert 0.85 < 2.0 * sum(fractions) / len(fractions) < 1.0


def _clean(g: SmoothedClassifier, x: Tensor, region: Region) -> Cover:
    return build_cover(g, x, region, "clean")


def _fractions(found: list[Outcome]) -> list[float]:
    return [f.certificate.fraction for f in found if isinstance(f.certificate, Certified)]


@cache
def network(shape: tuple[int, int, int], input_range: tuple[float, float] = RANGE) -> Classifier:
    """A smooth network with random weights whose classes change with all of these actions."""
    torch.manual_seed(3)
    size = shape[0] * shape[1] * shape[2]
    layers = nn.Sequential(nn.Flatten(), nn.Linear(size, 24), nn.Tanh(), nn.Linear(24, 4))
    with torch.no_grad():
        layers[1].weight.mul_(3.0)  # type: ignore[operator]
        layers[3].weight.mul_(4.0)  # type: ignore[operator]
    return Classifier(layers, classes=4, shape=shape, input_range=input_range)


def survivors(
    operator: Transformation,
    scales: Sequence[float],
    region: Region,
    *,
    shape: tuple[int, int, int] = SHAPE,
    sigma: float = 0.25,
    input_range: tuple[float, float] = RANGE,
    images: int = 6,
    guarantee: Guarantee = Guarantee.INDIVIDUAL,
) -> int:
    """Return the number of certified images; assert that no attack changes their class."""
    law = GaussianLaw(tuple(scales), sigma, operator.orthogonal or not scales)
    g = SmoothedClassifier(network(shape, input_range), operator, law, seed=11, batch_size=4096)
    kinds = ("noise", "blob", "step", "noise")
    low, high = input_range
    items = [
        Item(n, low + (high - low) * SampleImage(kinds[n % 4], n).tensor(shape)[0])
        for n in range(images)
    ]
    found = certify_many(g, items, region, RegionMode())
    held = {o.index: o for o in found if isinstance(o.certificate, Certified)}
    assert all(o.certificate.guarantee is guarantee for o in held.values())
    asked = [(items[n], o.certificate.label) for n, o in held.items()]
    plan = AttackPlan(points=21, random=8, gradient_steps=4, n=300)
    for outcome in attack_many(replace(g, seed=12), asked, region, plan, held):
        label = held[outcome.index].certificate.label
        assert not any(attempt.refutes(label) for attempt in outcome.attempts)
    return len(held)

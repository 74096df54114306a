"""Checks of the whole engine against exact vote shares (O1 to O3)."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from gsmooth.certificate import Certified, Step
from gsmooth.certification import RadiusMode
from gsmooth.certification.api import certify_many
from gsmooth.cover import Cover, GivenCover, build_cover
from gsmooth.data.item import Item
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.testing.halfspace import Scene, scene
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest, nothing
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


def votes_match_the_exact_share(subject: TransformationUnderTest) -> None:
    """The engine's votes have the share that quadrature over theta and noise gives (O2), 1e-6.

    For a half-space, at the clean image, at attacked ones and at a cover's centres. Votes are
    cast in batches of thousands, quadrature acts on a few rows at a time.
    """
    here, votes, false_alarm = scene(subject), KIT.oracle.votes, KIT.tolerance.false_alarm
    z = here.clean
    if subject.dimensions:
        z = torch.cat([z, _centres(here), here.attacked(_ends(subject)[:2])])
    for place, (point, required_p) in enumerate(zip(z, here.shares(z), strict=True)):
        won = _votes(here.smoothed, point, place)
        low = stats.binom.ppf(false_alarm, votes, max(0.0, required_p - here.error))
        high = stats.binom.isf(false_alarm, votes, min(1.0, required_p + here.error))
        assert low <= won <= high, (
            f"{won} of {votes} votes are for the half-space's class, where its exact share is"
            f" {required_p:.4f}: the engine does not see the transformation that was checked"
        )


def certificates_approach_the_truth_from_below(subject: TransformationUnderTest) -> None:
    """What is certified for a half-space is true but for alpha, and counting loses little (O1).

    True: no attack in the certified part of the region has an exact share below 1/2. Little: many
    votes certify at least what the bounds on unlucky counts of so many would, 1e-6.
    """
    here, settings, false_alarm = scene(subject), KIT.oracle, KIT.tolerance.false_alarm
    region, broken, told = _truth(here)
    cover = build_cover(here.smoothed, here.x[0], region, settings.centres)
    exact = here.shares(torch.stack([ball.z for ball in cover.balls]))
    ideal = _fraction(cover, exact - here.error)
    assert ideal <= broken, (
        f"exact shares certify {ideal:.4g} of {region}, but {told}, at {broken:.4g} of it, the"
        " exact share is below 1/2: some promise that the margins rest on does not hold"
    )
    few = RadiusMode(settings.alpha, n=settings.few)
    false = sum(fraction > broken for fraction in _certified(here, cover, few, settings.runs))
    most = int(stats.binom.isf(false_alarm, settings.runs, settings.alpha))
    assert false <= most, (
        f"{false} of {settings.runs} certificates at alpha={settings.alpha} hold more than"
        f" {broken:.4g} of {region}, but {told} the class changes"
    )
    (reached,) = _certified(here, cover, RadiusMode(false_alarm, n=settings.many), 1)
    least = _fraction(cover, _unlucky(exact - here.error))
    assert reached >= least, (
        f"{settings.many} votes certify {reached:.4g} of {region}; exact shares certify"
        f" {ideal:.4g}, and the bounds on counts that are seen once in {1.0 / false_alarm:g} still"
        f" {least:.4g}"
    )


def _unlucky(shares: Floats) -> Floats:
    """What many votes prove, where counts are so low with probability ``false_alarm``."""
    many, level = KIT.oracle.many, KIT.tolerance.false_alarm
    least = stats.binom.ppf(level, many, np.clip(shares, 0.0, 1.0)).astype(int)
    return np.array([clopper_pearson_lower(count, many, level) for count in least.tolist()])


def _truth(here: Scene) -> tuple[Region, float, str]:
    """The region, the fraction at which an attack in it turns the half-space's class, and where.

    Without parameters the region is an l2 ball twice as large as the true radius (O1).
    """
    if here.subject.dimensions == 0:
        radius = here.lead() / max(_slope(here), 1e-12)
        return Region(l2=2.0 * radius), 0.5, f"beyond l2={radius:.6g}"
    region = here.subject.region
    rays = [
        (k / KIT.oracle.rays, end)
        for k in range(1, KIT.oracle.rays + 1)
        for end in _ends(here.subject)
    ]
    scaled = [tuple(part * value for value in end) for part, end in rays]
    thetas = [here.subject.possible(theta) for theta in scaled]
    if not thetas:
        raise nothing("the region is a single point")
    lost = here.shares(here.attacked(thetas)) < 0.5 - here.error
    for (part, _), theta, gone in zip(rays, thetas, lost, strict=True):
        if gone:
            return region, part, f"at theta={theta}"
    return region, 1.0, "nowhere"


def _slope(here: Scene) -> float:
    """||L^T v||: how fast a pixel perturbation can lower the score."""
    leaf = here.x.clone().requires_grad_(True)
    score = (here.subject.transformation.lift(leaf) * here.normal).sum()
    return float(torch.autograd.grad(score, leaf)[0].norm())


def _ends(subject: TransformationUnderTest) -> list[Theta]:
    """Corners of the region, the clean image left out."""
    corners = itertools.product(*zip(subject.region.lower, subject.region.upper, strict=True))
    return [corner for corner in dict.fromkeys(corners) if any(corner)]


def _centres(here: Scene) -> Tensor:
    """Points that a cover of the region votes at."""
    cover = build_cover(here.smoothed, here.x[0], here.subject.region, KIT.oracle.centres)
    return torch.stack([ball.z for ball in cover.balls])


def _votes(smoothed: SmoothedClassifier, z: Tensor, place: int) -> int:
    where = [
        SampleKey(smoothed.seed, 0, Stream.PREDICTION, place, chunk)
        for chunk in range(KIT.oracle.votes // CHUNK)
    ]
    return int(smoothed.count([SampleRequest(sample_key, z) for sample_key in where])[:, 1].sum())


def _certified(here: Scene, cover: Cover, mode: RadiusMode, runs: int) -> list[float]:
    """Gauges certified for class 1 under so many indices; 0 for abstentions."""
    items = [Item(index, here.x[0]) for index in range(runs)]
    found = certify_many(here.smoothed, items, cover.region, mode, GivenCover(cover))
    certificates = [outcome.certificate for outcome in found]
    return [c.fraction if isinstance(c, Certified) and c.label == 1 else 0.0 for c in certificates]


def _fraction(cover: Cover, shares: Floats) -> float:
    """The fraction that these shares of the balls support."""
    pairs = zip(cover.balls, shares.tolist(), strict=True)
    return min(_supported(ball.profile_for(max(0.0, p)), p) for ball, p in pairs)


def _supported(profile: tuple[Step, ...], p: float) -> float:
    fraction = 0.0
    for step in profile:
        if step.required_p > 0.0 and step.required_p >= p:
            break
        fraction = step.fraction
    return fraction

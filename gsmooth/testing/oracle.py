"""Checks of the whole engine against exact vote shares (O1 to O3)."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from gsmooth.certificate import Certified, Step
from gsmooth.certification import CertifyTask, RadiusMode
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
    """Shares of the engine's votes agree with quadrature over theta and noise (O2), level 1e-6.

    They are compared for a half-space, at the clean image, at attacked ones and at centres of a
    cover. The engine uses batches of thousands of rows, the quadrature a few rows at a time.
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
    """Certificates of a half-space are true except with probability alpha, and nearly tight (O1).

    True: no attack in the certified part of the region has an exact share below 1/2. Nearly tight:
    many votes certify at least as much as counts that are lower with probability 1e-6 only.
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
    """Return the lower bounds from counts that are so low with probability ``false_alarm`` only."""
    many, level = KIT.oracle.many, KIT.tolerance.false_alarm
    least = stats.binom.ppf(level, many, np.clip(shares, 0.0, 1.0)).astype(int)
    return np.array([clopper_pearson_lower(count, many, level) for count in least.tolist()])


def _truth(here: Scene) -> tuple[Region, float, str]:
    """Return the region, its fraction at which an attack changes the class, and a text of where.

    Without parameters the region is an l2 ball of twice the true radius.
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
    """Return ||L^T v||, the largest decrease of the score per unit of a pixel perturbation."""
    leaf = here.x.clone().requires_grad_(True)
    score = (here.subject.transformation.lift(leaf) * here.normal).sum()
    return float(torch.autograd.grad(score, leaf)[0].norm())


def _ends(subject: TransformationUnderTest) -> list[Theta]:
    """Return the corners of the region, without theta = 0."""
    corners = itertools.product(*zip(subject.region.lower, subject.region.upper, strict=True))
    return [corner for corner in dict.fromkeys(corners) if any(corner)]


def _centres(here: Scene) -> Tensor:
    """Return centres of a cover of the region."""
    cover = build_cover(here.smoothed, here.x[0], here.subject.region, KIT.oracle.centres)
    return torch.stack([ball.z for ball in cover.balls])


def _votes(smoothed: SmoothedClassifier, z: Tensor, place: int) -> int:
    where = [
        SampleKey(smoothed.seed, 0, Stream.PREDICTION, place, chunk)
        for chunk in range(KIT.oracle.votes // CHUNK)
    ]
    return int(smoothed.count([SampleRequest(sample_key, z) for sample_key in where])[:, 1].sum())


def _certified(here: Scene, cover: Cover, mode: RadiusMode, runs: int) -> list[float]:
    """Return the fractions certified for class 1 at ``runs`` indices; 0 for abstentions."""
    items = [Item(index, here.x[0]) for index in range(runs)]
    found = certify_many(CertifyTask(here.smoothed, cover.region, mode, GivenCover(cover)), items)
    certificates = [outcome.certificate for outcome in found]
    return [c.fraction if isinstance(c, Certified) and c.label == 1 else 0.0 for c in certificates]


def _fraction(cover: Cover, shares: Floats) -> float:
    """Return the fraction that these shares of the balls certify."""
    pairs = zip(cover.balls, shares.tolist(), strict=True)
    return min(_supported(ball.profile_for(max(0.0, p)), p) for ball, p in pairs)


def _supported(profile: tuple[Step, ...], p: float) -> float:
    fraction = 0.0
    for step in profile:
        if step.required_p > 0.0 and step.required_p >= p:
            break
        fraction = step.fraction
    return fraction

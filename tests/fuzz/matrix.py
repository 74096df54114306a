"""Certificates of a half-space, whose exact shares say whether they are true.

Every transformation, with images of any shape, any law, T = id, region and radius mode, originals
of attacked images (online), l2 and rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final, final
from unittest import SkipTest

import numpy as np
import torch
from torch import Tensor

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import Mode, RadiusMode, RegionMode
from gsmooth.cover import IndividualCovers, OnlineCovers
from gsmooth.data.item import Item
from gsmooth.errors import GsmoothError
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.testing import SampleImage
from gsmooth.testing.halfspace import Scene, scene
from gsmooth.testing.images import IN_RANGE
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from tests.certifying import certify_many
from tests.fuzz.subjects import checked_message, draw_law, draw_region, draw_subject
from tests.fuzz.trial import Found

ALPHA: Final = 1e-6
"""So small that a false certificate is no bad luck."""
SHARES: Final = (0.7, 0.85, 0.95, 0.99, 0.9999)
"""Exact shares of the clean image's class."""
POINTS: Final = 48
"""Attacks of a certified region that are compared with exact shares."""
SLACK: Final = 10.0
"""Times what exact shares may be off by."""


@final
@dataclass(frozen=True)
class Case:
    """What is certified, and how."""

    scene: Scene
    region: Region
    mode: Mode
    online: bool

    def __str__(self) -> str:
        smoothed = self.scene.smoothed
        online = " online" if self.online else ""
        return (
            f"{smoothed.transformation!r} on {smoothed.classifier.shape}, {smoothed.law!r},"
            f" {self.region!r}, {self.mode!r}{online}"
        )


def try_matrix(seed: int) -> str:
    """One image, certified and compared with the truth."""
    rng = Random(seed)
    try:
        case = _draw(rng)
        image, certificate = _certified(case, rng)
    except GsmoothError as error:
        return checked_message(error)
    except SkipTest:
        return "no closed form"
    if not isinstance(certificate, Certified):
        return "abstained"
    if certificate.guarantee is Guarantee.HEURISTIC:
        return "heuristic"
    _compare(case, image, certificate, rng)
    return "certified online" if case.online else "certified"


def _draw(rng: Random) -> Case:
    drawn = draw_subject(rng)
    print(drawn, flush=True)
    operator = smoke_tested(drawn.built(), drawn.shape)
    undone = operator.bounds_class.preimages is not TransformationBounds.preimages
    online = rng.random() < (0.4 if undone else 0.05)
    region = draw_region(rng, operator, drawn.shape)
    law = draw_law(rng, operator, identity_action=rng.random() < 0.2)
    subject = TransformationUnderTest(
        operator, drawn.shape, region, 1, given_laws=(law,), seed=rng.getrandbits(20)
    )
    sample_image = SampleImage(rng.choice(IN_RANGE), rng.getrandbits(16))
    here = scene(subject, sample_image, rng.choice(SHARES))
    case = Case(here, region, _mode(rng), online)
    print(case, flush=True)
    return case


def _mode(rng: Random) -> Mode:
    if rng.random() < 0.5:
        n = rng.choice([256, 512, 1024])
        return RadiusMode(
            ALPHA, n=n, bound=rng.choice(["clopper-pearson", "randomized", "sequence"])
        )
    return RegionMode(
        ALPHA,
        max_votes=rng.choice([512, 1024, 2048]),
        order=rng.choice(["worst-first", "inside-out"]),
        rule=rng.choice(["e-process", "e-process", "fixed"]),
        attempts=rng.choice([1, 2]),
    )


def _certified(case: Case, rng: Random) -> tuple[Tensor, object]:
    """The image given (1, C, H, W), attacked already if online, and its certificate."""
    image = case.scene.x
    if case.online:
        image = _rounded(_attacked(case, _within(case.region, rng)), case.region)
    centres = rng.choice([None, 1, 2, 3])
    covers = OnlineCovers(centres, seconds=2.0) if case.online else IndividualCovers(centres)
    items = [Item(rng.randrange(100), image[0])]
    found = certify_many(case.scene.smoothed, items, case.region, case.mode, covers)
    return image, next(found).certificate


def _compare(case: Case, image: Tensor, certificate: Certified, rng: Random) -> None:
    """Found where an attack in the certified region has another class."""
    here, region = case.scene, certificate.region
    error = SLACK * here.error + 0.01
    thetas = [(0.0,) * region.dimensions] if case.online else _attacks(region, rng)
    for theta in thetas:
        theta = here.subject.possible(theta)
        attacked = here.x if case.online else _rounded(_attacked(case, theta), region)
        z = here.subject.lift(attacked)
        pulled = 0.0 if case.online else region.l2 * _slope(here) / _spread(here)
        share = _share(here, z, pulled if certificate.label == 0 else -pulled)
        kept = share if certificate.label == 1 else 1.0 - share
        if kept < 0.5 - error:
            raise Found(
                f"class {certificate.label} was certified ({certificate.guarantee}) on {region},"
                f" but at theta={theta} its exact share is {kept:.4f}: {case}"
            )


def _attacks(region: Region, rng: Random) -> list[Theta]:
    corners: list[Theta] = [region.lower, region.upper]
    return [*corners, *(_within(region, rng) for _ in range(POINTS if region.dimensions else 0))]


def _within(region: Region, rng: Random) -> Theta:
    ends = zip(region.lower, region.upper, strict=True)
    return tuple(rng.uniform(low, high) + 0.0 for low, high in ends)


def _attacked(case: Case, theta: Theta) -> Tensor:
    subject = case.scene.subject
    return subject.attack(case.scene.x, subject.possible(theta)).detach()


def _rounded(x: Tensor, region: Region) -> Tensor:
    levels = 2**region.bits - 1
    return (x.clamp(0.0, 1.0) * levels).round() / levels if region.bits else x


def _share(here: Scene, z: Tensor, moved: float) -> float:
    """The exact share of class 1 at z (1, K), its score moved by so many stds."""
    shifted = Scene(
        here.subject, here.smoothed, here.x, here.normal, here.constant, here.theta, here.weights,
        here.threshold - moved * _spread(here), here.error,
    )  # fmt: skip
    return float(np.clip(shifted.shares(z)[0], 0.0, 1.0))


def _spread(here: Scene) -> float:
    sigma, grid = here.smoothed.law.sigma, here.smoothed.grid
    return math.sqrt(sigma**2 + grid**2 / 12.0) * float(here.normal.norm())


def _slope(here: Scene) -> float:
    """||L^T v||: how fast a pixel perturbation can move the score."""
    leaf = torch.zeros_like(here.x, requires_grad=True)
    score = (here.subject.transformation.lift(leaf) * here.normal).sum()
    return float(torch.autograd.grad(score, leaf)[0].norm())

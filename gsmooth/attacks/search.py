"""The search: screen candidates, ascend from the worst, and evaluate PREDICT at the worst point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.attacks.candidates import attacked_images, grid, inside, scattered
from gsmooth.attacks.gradient import Ascent
from gsmooth.attacks.noisy import Screening, joined, screened
from gsmooth.attacks.outcome import VIOLATION_ALPHA, AttackOutcome, Attempt
from gsmooth.attacks.plan import AttackPlan
from gsmooth.attacks.settings import ATTACK
from gsmooth.certificate import Certificate, Certified, Guarantee
from gsmooth.certification import Outcome, chunks, prediction
from gsmooth.data.item import Item
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.transforms.region import Region

Counts = NDArray[np.int64]


def attack_many(
    smoothed: SmoothedClassifier,
    items: Iterable[tuple[Item, int]],
    region: Region,
    plan: AttackPlan,
    certified: Mapping[int, Outcome] | None = None,
) -> Iterator[AttackOutcome]:
    """The worst attack found on each image, in order.

    Args:
        smoothed: The smoothed classifier.
        items: Images with their true labels.
        region: Where attacks are sought.
        plan: How they are sought.
        certified: What certification found, by index of the image. A certificate of another class
            than the true one, or of a part of the region, is attacked in its own region as well.
    """
    for item, label in items:
        smoothed.check_image(item.image, item.index)
        search = _Search(smoothed, item.image[None].double(), item.index, plan, region)
        found = (certified or {}).get(item.index)
        yield search.outcome(label, None if found is None else found.certificate)


def put_to_predict(
    smoothed: SmoothedClassifier, index: int, attacked: Tensor, n: int, stream: int = 0
) -> Counts:
    """n fresh votes, in whole chunks, at an attacked image (C, H, W): counts (classes + 1,)."""
    z = smoothed.transformation.lift(attacked[None])[0]
    requests = [
        SampleRequest(SampleKey(smoothed.seed, index, Stream.ADVERSARY, stream, chunk), z)
        for chunk in range(chunks(n))
    ]
    return np.asarray(smoothed.count(requests).sum(axis=0))


@final
@dataclass
class _Search:
    """The search on one image x (1, C, H, W); ``spent`` counts forward passes."""

    smoothed: SmoothedClassifier
    x: Tensor
    index: int
    plan: AttackPlan
    region: Region
    spent: int = 0
    missing_gradient: str | None = None

    def outcome(self, label: int, certificate: Certificate | None) -> AttackOutcome:
        steps = self.smoothed.transformation.parameters
        spread = scattered(self.region, self.plan.random, self.smoothed.seed, self.index, steps)
        theta = torch.cat([grid(self.region, self.plan.points, steps), spread])
        seen = self._screened(theta, 0, self.plan.screening_votes)
        worst, votes = self._worst(theta, seen, label, self.region, 0)
        answer = prediction(votes, self.plan.alpha)
        other = None
        if isinstance(certificate, Certified) and self._differs(certificate, label):
            part = certificate.region
            within = inside(theta, part)
            theta, seen = theta[within], seen.take(within.numpy())
            other, _ = self._worst(theta, seen, certificate.label, part, 1)
        return AttackOutcome(
            self.index,
            worst,
            answer,
            answer.label == label,
            self.spent,
            inside=other,
            missing_gradient=self.missing_gradient,
        )

    def _differs(self, certificate: Certified, label: int) -> bool:
        if certificate.guarantee is Guarantee.ONLINE:  # Certified are preimages, not this image.
            return False
        return (certificate.label, certificate.region) != (label, self.region)

    def _worst(
        self, theta: Tensor, seen: Screening, label: int, region: Region, stream: int
    ) -> tuple[Attempt, Counts]:
        """The worst attack of ``region`` against ``label``, and the votes of PREDICT there."""
        ascent = Ascent(self.smoothed, self.x, label, region, self.plan.gradient_steps, self.index)
        first = stream * (ATTACK.starts + 1)
        worst = seen.worst(label, ATTACK.finalists)
        spacing = self._spacing(region)
        climbed = [
            ascent.climb(theta[place : place + 1], spacing, first + rank)
            for rank, place in enumerate(worst[: ATTACK.starts])
            if bool(spacing.any())
        ]
        finalists = torch.cat([theta[worst], *climbed])
        if len(finalists) > 1:
            again = self._screened(finalists, 1 + stream, CHUNK)
            chosen = int(again.by_votes(label)[0])
            finalists = finalists[chosen : chosen + 1]
        added = torch.zeros_like(self.x)
        if region.l2 > 0.0:
            added = ascent.descend(finalists, first + ATTACK.starts)
        self.spent += ascent.spent
        self.missing_gradient = self.missing_gradient or ascent.missing
        with torch.no_grad():
            image = attacked_images(self.smoothed, self.x, finalists, region, added)[0]
        votes = put_to_predict(self.smoothed, self.index, image, self.plan.n, stream)
        self.spent += int(votes.sum())
        strict = prediction(votes, VIOLATION_ALPHA)
        point = tuple(finalists[0].tolist())
        return Attempt(point, float(added.norm()), strict, stream, added[0], image), votes

    def _spacing(self, region: Region) -> Tensor:
        """About the distance of grid points on each axis (m,): the size of a first step.

        0 for a stepped parameter: a value between its steps is no attack.
        """
        steps = self.smoothed.transformation.parameters
        span = np.subtract(region.upper, region.lower)
        moving = max(1, int((span > 0.0).sum()))
        axis = len(grid(region, self.plan.points, steps)) ** (1.0 / moving)
        free = np.array([not parameter.step for parameter in steps], dtype=np.float64)
        return torch.from_numpy(free * span / max(1.0, axis - 1.0))

    def _screened(self, theta: Tensor, round_: int, votes: int) -> Screening:
        """``votes`` votes at every theta (n, m), a few images at a time to save memory."""
        found, seed = [], self.smoothed.seed
        at_once = max(1, self.smoothed.batch_size // votes)
        for start in range(0, len(theta), at_once):
            part = theta[start : start + at_once]
            with torch.no_grad():
                images = attacked_images(self.smoothed, self.x, part, self.region)
                z = self.smoothed.transformation.lift(images)
            where = [
                SampleKey(seed, self.index, Stream.SCREENING, start + place, round_)
                for place in range(len(part))
            ]
            found.append(screened(self.smoothed, z, where, votes))
        self.spent += votes * len(theta)
        return joined(found)

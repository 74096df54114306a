"""The certificate's opponent: empirical search for an attack inside the region."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from gsmooth.certificate import Prediction
from gsmooth.certification import Item
from gsmooth.decision import check_level, check_votes, chunks, prediction
from gsmooth.errors import ConfigurationError
from gsmooth.noise import CHUNK, Coordinate, Purpose, draw
from gsmooth.region import Region
from gsmooth.smoothing import Ballot, SmoothedClassifier

VIOLATION_ALPHA: Final = 1e-9
"""alpha lets a few certificates be wrong by design; PREDICT at this level does not."""
STEPS: Final = 10
"""Gradient steps on the l2 part of a region, each over one chunk of noise."""


@final
@dataclass(frozen=True)
class AttackPlan:
    """How hard to search: ``points`` per parameter on a grid, each screened with a few votes.

    The worst point found is then put to PREDICT with n fresh votes at ``alpha``. An l2 part of the
    region is searched by STEPS gradient steps from the worst grid point.
    """

    points: int = 31
    screening_votes: int = 16
    n: int = 1000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        check_level("attack.alpha", self.alpha)
        check_votes(points=self.points, n=self.n)
        if not 1 <= self.screening_votes <= CHUNK:
            raise ConfigurationError(
                f"attack.screening_votes={self.screening_votes} must lie in 1..{CHUNK}"
            )


@final
@dataclass(frozen=True)
class AttackOutcome:
    """The worst attack found on one image.

    theta: its parameters; l2: norm of its additive part; attacked: the image itself (C, H, W).
    prediction: PREDICT there, from fresh votes; robust: it is the true label (an abstention is
    not). forwards: passes spent. strict: the same votes' answer at alpha = 1e-9.
    """

    index: int
    theta: tuple[float, ...]
    prediction: Prediction
    robust: bool
    forwards: int
    strict: Prediction
    l2: float = 0.0
    attacked: Tensor | None = field(default=None, repr=False, compare=False)

    def refutes(self, certified: int) -> bool:
        """Whether a certificate of class ``certified`` that holds this attack is wrong.

        The true label does not matter: a certificate of a wrong class can be refuted by it.
        """
        return self.strict.label not in (None, certified)


def attack_many(
    smoothed: SmoothedClassifier,
    items: Iterable[tuple[Item, int]],
    region: Region,
    plan: AttackPlan,
) -> Iterator[AttackOutcome]:
    """The worst attack found on each (item, true label), in order."""
    for item, label in items:
        smoothed.classifier.check_image(item.image, item.index)
        yield _attack(smoothed, item, label, region, plan)


def grid(region: Region, points: int) -> Tensor:
    """``points`` values per parameter, ends included, and 0: (n, m) float64."""
    axes = [
        np.unique(np.append(np.linspace(low, high, points), 0.0))
        if points > 1 and high > low
        else np.array([high])
        for low, high in zip(region.lower, region.upper, strict=True)
    ]
    return torch.tensor(list(itertools.product(*axes)), dtype=torch.float64)


def _attack(
    smoothed: SmoothedClassifier, item: Item, label: int, region: Region, plan: AttackPlan
) -> AttackOutcome:
    x = item.image[None].double()
    theta = grid(region, plan.points)
    candidates = _transformed(smoothed, x, theta)
    screened = smoothed.count(
        _screening(smoothed, item.index, smoothed.transformation.lift(candidates), plan)
    )
    worst = int(np.argmin(screened[:, label]))
    attacked = candidates[worst : worst + 1]
    forwards = int(screened.sum())
    if region.l2 > 0.0:
        attacked = _descend(smoothed, attacked, label, region.l2, item.index)
        forwards += STEPS * CHUNK
    z = smoothed.transformation.lift(attacked)[0]
    votes = smoothed.count(
        [
            Ballot(Coordinate(smoothed.seed, item.index, Purpose.OPPONENT, 0, chunk), z)
            for chunk in range(chunks(plan.n))
        ]
    ).sum(axis=0)
    answer, strict = prediction(votes, plan.alpha), prediction(votes, VIOLATION_ALPHA)
    return AttackOutcome(
        index=item.index,
        theta=tuple(theta[worst].tolist()),
        prediction=answer,
        robust=answer.label == label,
        forwards=forwards + int(votes.sum()),
        strict=strict,
        l2=float((attacked - candidates[worst : worst + 1]).norm()),
        attacked=attacked[0],
    )


def _transformed(smoothed: SmoothedClassifier, x: Tensor, theta: Tensor) -> Tensor:
    if theta.shape[1] == 0:
        return x
    columns = theta.tensor_split(theta.shape[1], dim=1)
    return smoothed.transformation.attack(x.expand(len(theta), -1, -1, -1), *columns)


def _screening(
    smoothed: SmoothedClassifier, index: int, lifted: Tensor, plan: AttackPlan
) -> list[Ballot]:
    return [
        Ballot(
            Coordinate(smoothed.seed, index, Purpose.SCREENING, place, 0), z, plan.screening_votes
        )
        for place, z in enumerate(lifted)
    ]


def _descend(
    smoothed: SmoothedClassifier, start: Tensor, label: int, radius: float, index: int
) -> Tensor:
    """Projected gradient ascent on the smoothed cross-entropy within an l2 ball (1, C, H, W).

    A model that gives no gradient (an ONNX program) is searched along the noise instead.
    """
    shift = torch.zeros_like(start)
    for step in range(STEPS):
        direction = _gradient(smoothed, start + shift, label, index, step)
        shift = shift + 2.0 * radius / STEPS * direction
        # Just inside the open ball that a certificate speaks of.
        shift = shift * min(1.0, radius * (1.0 - 1e-6) / max(float(shift.norm()), 1e-12))
    return start + shift


def _gradient(
    smoothed: SmoothedClassifier, image: Tensor, label: int, index: int, step: int
) -> Tensor:
    """Unit ascent direction of the cross-entropy, averaged over one chunk of noise."""
    operator, law = smoothed.transformation, smoothed.law
    leaf = image.clone().requires_grad_(True)
    z = operator.lift(leaf).expand(CHUNK, -1)
    noise = np.empty((CHUNK, z.shape[1]))
    coordinate = Coordinate(smoothed.seed, index, Purpose.SCREENING, -1, step)
    theta = torch.from_numpy(draw(coordinate, law, CHUNK, noise))
    columns = theta.tensor_split(law.dimensions, dim=1) if law.dimensions else ()
    moved = operator.act(z, *columns)
    batch = smoothed.readout(moved + law.sigma * torch.from_numpy(noise))
    scores = smoothed.classifier.module(batch)
    gradient = _slope(scores, label, leaf)
    if gradient is None:
        wrong = scores.argmax(dim=1).cpu() != label
        fooled = moved.detach() + law.sigma * torch.from_numpy(noise) * wrong[:, None]
        gradient = operator.readout(fooled.mean(dim=0, keepdim=True), smoothed.classifier.shape)
        gradient = gradient - operator.readout(operator.lift(image), smoothed.classifier.shape)
    return gradient / max(float(gradient.norm()), 1e-12)


def _slope(scores: Tensor, label: int, leaf: Tensor) -> Tensor | None:
    """Gradient of the cross-entropy at ``leaf``; None where the model has none, or only zeros."""
    if not scores.requires_grad:
        return None
    target = torch.full((len(scores),), label, device=scores.device)
    loss = torch.nn.functional.cross_entropy(scores, target)
    # A model may have parameters that need gradients behind a step that passes none on.
    found: tuple[Tensor | None, ...] = torch.autograd.grad(loss, leaf, allow_unused=True)
    return found[0] if found[0] is not None and bool(found[0].any()) else None

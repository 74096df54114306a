"""Small smoothed classifiers whose vote shares are known in closed form (O1, O2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, nn

from gsmooth.certificate import Guarantee
from gsmooth.certification import Mode, Outcome, Voting
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.cover import Cover, CoverBuilder
from gsmooth.cover.distributional import distributional_cover
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noise import Seed
from gsmooth.sampling.smoothed_classifier import GRID, SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import decide

WIDE = (-1e6, 1e6)


@final
class Scores(nn.Module):
    """A network given by a function from images (N, C, H, W) to scores (N, classes)."""

    def __init__(self, scores: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x)


@final
class Labels(nn.Module):
    """A network given by a function from images (N, C, H, W) to labels (N,)."""

    def __init__(self, label: Callable[[Tensor], Tensor], classes: int = 2) -> None:
        super().__init__()
        self.label = label
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        one_hot = nn.functional.one_hot(self.label(x).long(), self.classes)
        return one_hot.to(torch.float32)


@final
class HalfLine(nn.Module):
    """Class 1 where the first pixel exceeds ``threshold``, else class 0; has a gradient."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        lead = x.flatten(1)[:, :1] - self.threshold
        return torch.cat([-lead, lead], dim=1)


class TurnBounds(TransformationBounds["Turn"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        phase = (reach[0] * 2.0**-51 + offset[0]) * math.pi / 180.0
        return float(z.norm(dim=1).max()) * (phase + 2.0**-49)


@final
@dataclass(frozen=True)
class Turn(Transformation):
    """Rotation of the plane by an angle: an exact, orthogonal action that is its own attack (O2).

    Images are (1, 1, 2), one point of the plane; its phase in degrees plus the angle is the phase
    of the attacked point, and the residual is 0.
    """

    name: ClassVar[str] = "turn"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("angle", "deg"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = TurnBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        angle = theta[0] * (math.pi / 180.0)
        cos, sin = torch.cos(angle), torch.sin(angle)
        return torch.cat([cos * z[:, :1] - sin * z[:, 1:], sin * z[:, :1] + cos * z[:, 1:]], dim=1)


class GainBounds(TransformationBounds["Gain"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return float(z.norm(dim=1).max()) * math.exp2(reach[0]) * (offset[0] + 2.0**-49)


@final
@dataclass(frozen=True)
class Gain(Transformation):
    """Pixels multiplied by 2^theta: an exact action that is not orthogonal (T5)."""

    name: ClassVar[str] = "gain"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("gain", "octaves"),)
    bounds_class = GainBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * torch.exp2(theta[0])


def phase_deg(x: Tensor) -> Tensor:
    """Phase (N,) in (-180, 180] of points (N, 1, 1, 2)."""
    point = x.flatten(1).double()
    return torch.atan2(point[:, 1], point[:, 0]) * (180.0 / math.pi)


def classifier(
    module: nn.Module, shape: tuple[int, int, int] = (1, 1, 1), classes: int = 2
) -> Classifier:
    """Wrap ``module`` as a classifier of images of any finite value, without a copy."""
    return Classifier(
        module, classes=classes, shape=shape, input_range=WIDE, name="toy", copy=False
    )


def half_line(
    threshold: float, sigma: float, *, seed: Seed = 0, batch_size: int = 4096, grid: float = GRID
) -> SmoothedClassifier:
    """One pixel, class 1 above ``threshold``: P(class 1 at x) = Phi((x - threshold) / sigma) (O1).

    With the threshold at an odd multiple of half the grid, this is also exact after rounding.
    """
    return SmoothedClassifier(
        classifier(HalfLine(threshold)),
        Gaussian(),
        GaussianLaw((), sigma),
        grid=grid,
        seed=seed,
        batch_size=batch_size,
    )


def pixel(value: float = 0.0) -> Tensor:
    """An image of one pixel."""
    return torch.full((1, 1, 1), value, dtype=torch.float64)


RING = 64.0
"""Norm of the points for :func:`turned`; noise rotates them by 0.004 degrees."""


def turned(
    label: Callable[[Tensor], Tensor],
    scale_deg: float,
    *,
    classes: int = 2,
    seed: int = 0,
    batch_size: int = 4096,
) -> SmoothedClassifier:
    """A classifier of phases (degrees) under Gaussian angles of std ``scale_deg`` (O2)."""
    return SmoothedClassifier(
        classifier(Labels(lambda x: label(phase_deg(x)), classes), (1, 1, 2), classes),
        Turn(),
        GaussianLaw((scale_deg,), 2.0**-8),
        seed=seed,
        batch_size=batch_size,
    )


def on_ring(angle_deg: float = 0.0) -> Tensor:
    """The point of norm RING at a phase, as an image (1, 1, 2)."""
    angle = math.radians(angle_deg)
    return RING * torch.tensor([[[math.cos(angle), math.sin(angle)]]], dtype=torch.float64)


def repeated(image: Tensor, times: int, first: int = 0) -> Iterator[Item]:
    """The same image under ``times`` indices: independent runs of the engine."""
    return (Item(index, image) for index in range(first, first + times))


@final
@dataclass(frozen=True)
class BoxCovers(CoverBuilder):
    """Equal boxes, each with its own centre; every image is taken to have this error."""

    known_error: float
    boxes: int

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.DISTRIBUTIONAL

    @property
    def centres(self) -> int:
        return self.boxes

    @property
    def error(self) -> float:
        return self.known_error

    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        return distributional_cover(smoothed, item.image, region, self.known_error, self.boxes)


Counts = npt.NDArray[np.int64]


def told(voting: Voting[Outcome], reply: Callable[[list[SampleRequest]], Counts]) -> Outcome:
    """Return the outcome with the counts of ``reply`` for the requests."""
    try:
        requests = next(voting)
        while True:
            requests = voting.send(reply(requests))
    except StopIteration as finished:
        outcome: Outcome = finished.value
        return outcome


def decided(
    smoothed: SmoothedClassifier, cover: Cover, mode: Mode, runs: int, first: int = 0
) -> list[Outcome]:
    """Independent decisions on one cover, under ``runs`` indices; votes of a round in one batch."""
    waiting = [decide(smoothed, first + run, cover, mode) for run in range(runs)]
    asked = [next(decision) for decision in waiting]
    found: list[Outcome] = []
    while waiting:
        counts = smoothed.count([request for requests in asked for request in requests])
        staying, asking = [], []
        for decision, requests in zip(waiting, asked, strict=True):
            taken, counts = counts[: len(requests)], counts[len(requests) :]
            try:
                asking.append(decision.send(taken))
                staying.append(decision)
            except StopIteration as finished:
                found.append(finished.value)
        waiting, asked = staying, asking
    return found


def most_by_chance(level: float, runs: int, false_alarm: float = 1e-6) -> int:
    """A count that a binomial(runs, level) exceeds with probability below ``false_alarm``."""
    return int(stats.binom.isf(false_alarm, runs, level))


def least_by_chance(level: float, runs: int, false_alarm: float = 1e-6) -> int:
    """A count that a binomial(runs, level) falls short of with probability below that."""
    return int(stats.binom.ppf(false_alarm, runs, level))


def certify_nested(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    mode: NestedMode | None = None,
    *,
    centres: int = 1,
    error: float | None = None,
    index: int | None = None,
) -> Outcome:
    """The nested certificate of one image (C, H, W)."""
    items = [Item.of(image, index)]
    chosen = mode or NestedMode()
    return next(certify_nested_many(smoothed, items, region, chosen, centres=centres, error=error))

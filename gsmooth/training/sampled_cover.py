"""Sampled covers: centres and required shares at a few attacks, cheaply and without a proof."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.bounds.margin_model import MarginModel, units_of
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.ball import smallest_ball
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.training.settings import TRAINING
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class SampledBall:
    """One centre, and the share of votes that the sampled attacks around it require.

    Args:
        z: The point (K,) whose votes are counted, float32: half the memory.
        required_p: The share.
    """

    z: Tensor
    required_p: float


@final
@dataclass(frozen=True)
class SampledCovers:
    """Covers of one image for several numbers of centres.

    A cover of :mod:`gsmooth.cover` bounds the supremum over every cell of a region. Here the
    supremum is taken over a grid of attacks, which takes a hundredth of the time for large images
    and is a little too small. That is good enough to compare networks, and proves nothing.

    Args:
        smoothed: The smoothed classifier with the noise.
        image: The image (C, H, W), float64.
        region: What is to be certified.
    """

    smoothed: SmoothedClassifier
    image: Tensor
    region: Region

    def covers(self, numbers: tuple[int, ...]) -> list[list[SampledBall]]:
        """Covers with at most so many centres, ascending; the ball with the largest share first."""
        x = self.image[None].double()
        pulled_back = PulledBackImage(
            self.smoothed.transformation, x, self.smoothed.identity_action
        )
        theta = self._attacks()
        points = pulled_back.points(torch.from_numpy(theta)) if theta.shape[1] else self._clean(x)
        pieces, found = [np.arange(len(theta))], []
        for number in numbers:
            while len(pieces) < number and pulled_back.origin is None:
                if (halves := self._halved(pieces, theta, points)) is None:
                    break
                pieces = halves
            balls = [self._ball(pulled_back, theta[piece], points[piece]) for piece in pieces]
            found.append(sorted(balls, key=lambda ball: -ball.required_p))
        return found

    def _clean(self, x: Tensor) -> Tensor:
        return self.smoothed.transformation.linear_lift(x)

    def _attacks(self) -> Floats:
        """Attacks on a grid over the region, its ends included, (n, m)."""
        moving = sum(low < high for low, high in self._ends())
        points = TRAINING.estimate.attacks ** (1.0 / max(1, moving))
        parameters = self.smoothed.transformation.parameters
        axes = []
        for parameter, (low, high) in zip(parameters, self._ends(), strict=False):
            if low == high:
                axes.append(np.array([low]))
            elif parameter.step:
                axes.append(np.array(parameter.values(low, high)))
            else:
                axes.append(np.linspace(low, high, max(3, round(points))))
        return np.array(list(itertools.product(*axes)), dtype=np.float64)

    def _ends(self) -> list[tuple[float, float]]:
        return list(zip(self.region.lower, self.region.upper, strict=True))

    def _sigma(self, points: Tensor) -> float:
        """The std of the noise on z in units of points before normalization."""
        found = self.smoothed.transformation.normalization(self.smoothed.image_shape)
        gain = 1.0 if found is None else found.gain(float(points[0].norm()))
        return self.smoothed.law.sigma / gain

    def _halved(
        self, pieces: list[NDArray[np.int64]], theta: Floats, points: Tensor
    ) -> list[NDArray[np.int64]] | None:
        """The pieces, with the longest one cut in the middle; None where none can be cut."""
        joint = points.numpy() / self._sigma(points)
        if not self.smoothed.identity_action:
            joint = np.concatenate([theta / units_of(self.smoothed.law), joint], axis=1)
        lengths = [float(np.ptp(joint[piece], axis=0).max()) for piece in pieces]
        longest = int(np.argmax(lengths))
        piece = pieces[longest]
        spans = np.ptp(theta[piece], axis=0)
        if not spans.any():
            return None
        axis = int(np.argmax(spans / np.maximum(np.ptp(theta, axis=0), 1e-300)))
        ends = theta[piece, axis]
        left = ends <= (ends.min() + ends.max()) / 2.0
        return [*pieces[:longest], piece[left], piece[~left], *pieces[longest + 1 :]]

    def _ball(self, pulled_back: PulledBackImage, theta: Floats, points: Tensor) -> SampledBall:
        """The ball in the middle of some attacks."""
        if pulled_back.origin is not None:
            middle, carried = np.zeros(theta.shape[1]), pulled_back.origin
        else:
            middle = (theta.min(axis=0) + theta.max(axis=0)) / 2.0
            weights, _ = smallest_ball((points @ points.T).numpy())
            carried = torch.from_numpy(weights) @ points
        residual = (points - carried).norm(dim=1).numpy()
        shifts = theta - middle
        if self.smoothed.identity_action:
            shifts = shifts[:, :0]
        model = MarginModel.at(self.smoothed, self.region, carried, float(residual.max()))
        margins = model.margins(shifts, residual, float(carried.norm()))
        share = float(required_p_of_margin(margins).max())
        z = carried if model.normalization is None else model.normalization(carried[None])[0]
        if theta.shape[1] and not self.smoothed.identity_action:
            columns = torch.from_numpy(middle)[None].tensor_split(len(middle), dim=1)
            z = self.smoothed.transformation.act(z[None], *columns)[0]
        return SampledBall(z.float(), share)

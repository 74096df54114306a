"""The smoothed classifier: noise on theta and z, rounding to the grid, votes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.classifier import Classifier
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.noise import (
    CHUNK,
    Coordinate,
    ThetaAccuracy,
    draw,
    grid_total_variation,
    theta_accuracy,
)
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.transformation import Transformation

GRID: Final = 2.0**-8
COARSE: Final = 0.01
"""Total variation from which a grid no longer hides what float64 noise betrays."""


@final
@dataclass(frozen=True)
class Ballot:
    """A chunk of votes to be counted: its coordinate and the point z (K,) that noise is added to.

    rows: votes drawn, at most CHUNK; part of the coordinate in effect.
    """

    coordinate: Coordinate
    z: Tensor
    rows: int = CHUNK


@final
@dataclass(frozen=True)
class SmoothedClassifier:
    """g(z) = argmax_c P(f(Q round_h(T_theta z + delta)) = c).

    classifier: f. transformation: T, lift and readout Q. law: theta ~ law, delta ~ N(0, sigma^2 I)
    with sigma = law.sigma > 0; a law without scales leaves theta alone (T = id). grid: h, a power
    of two; 0 switches the rounding off, and every certificate is then heuristic (F1). seed: of the
    votes; drawn independently of the inputs. batch_size: rows of one forward pass; never changes
    the counts of a classifier that is a function of its input.
    """

    classifier: Classifier
    transformation: Transformation
    law: Law
    grid: float = GRID
    seed: int = 0
    batch_size: int = 256
    accuracy: ThetaAccuracy = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bound = self.transformation.for_shape(self.classifier.shape)
        object.__setattr__(self, "transformation", bound)
        if isinstance(self.law, GaussianLaw) and self.law.orthogonal and not self.orthogonal:
            # T4 is for orthogonal actions: a law that does not know falls back on T5.
            object.__setattr__(self, "law", replace(self.law, orthogonal=False))
        if self.law.dimensions not in (0, len(bound.parameters)):
            raise ConfigurationError(
                f"smoothing: {self.law.dimensions} scales for the {len(bound.parameters)}"
                f" parameters of {bound.name}; give one std a parameter, or none for no noise on"
                " them"
            )
        if not (self.still or bound.has_action):
            raise ConfigurationError(
                f"smoothing: {bound.name} has no exact action with these options, so its parameters"
                " can carry no noise; give no scales (T = id), or options with an action"
            )
        if not (math.isfinite(self.law.sigma) and self.law.sigma > 0.0):
            raise ConfigurationError(
                f"smoothing: sigma={self.law.sigma} must be positive; without noise on every"
                " coordinate float rounding cannot be accounted for"
            )
        if self.grid != 0.0 and math.frexp(self.grid)[0] != 0.5:
            raise ConfigurationError(
                f"smoothing: grid={self.grid} must be a power of two such as {GRID}, or 0 (off)"
            )
        if self.batch_size < CHUNK:
            raise ConfigurationError(
                f"engine: batch_size={self.batch_size} is below the chunk of {CHUNK} votes"
            )
        object.__setattr__(self, "accuracy", theta_accuracy(self.law))

    @property
    def still(self) -> bool:
        """T = id: parameters carry no noise, and z gets nothing but delta."""
        return self.law.dimensions == 0

    @property
    def orthogonal(self) -> bool:
        """Whether every T_theta that noise applies is orthogonal, so that T4 holds."""
        return self.still or self.transformation.orthogonal

    def numerical_error(self, z: Tensor) -> float | None:
        """E_num at z (K,): l2 bound on the float64 error of T_theta z; None where unknown."""
        if self.still:
            return 0.0
        accuracy = self.accuracy
        return self.transformation.action_error(z[None], accuracy.reach, accuracy.offset)

    def total_variation(self, z: Tensor) -> float:
        """tau at z (K,): what float noise and sums can change in any vote share (F1)."""
        if self.grid == 0.0:
            return 0.0
        # 13 sigma covers every normal that the ziggurat gives; no coordinate of an orthogonal T z
        # exceeds the norm of z, and other actions are measured at the ends of theta's reach.
        largest = 2.0 * self._farthest(z) + 13.0 * self.law.sigma + 1.0
        noise = grid_total_variation(z.numel(), largest, self.law.sigma, self.grid)
        if not noise < COARSE:
            raise ConfigurationError(
                f"smoothing: grid={self.grid} is too fine: float64 noise could betray the input in"
                f" a share {noise:.2g} of the votes; use {GRID}"
            )
        return noise + self.accuracy.outside

    def _farthest(self, z: Tensor) -> float:
        if self.orthogonal:
            return float(z.norm())
        ends = itertools.product(*((-reach, reach) for reach in self.accuracy.reach))
        return max(
            float(self.transformation.act(z[None], *(z.new_full((1, 1), e) for e in end)).norm())
            for end in ends
        )

    def count(self, ballots: Sequence[Ballot]) -> NDArray[np.int64]:
        """Votes by class, (len(ballots), classes + 1); the last column holds ties (F3)."""
        totals = np.zeros((len(ballots), self.classifier.classes + 1), dtype=np.int64)
        start = 0
        for group in _batches(ballots, self.batch_size):
            labels = self._labels(group)
            row = 0
            for ballot in group:
                votes = labels[row : row + ballot.rows]
                totals[start] = np.bincount(votes, minlength=totals.shape[1])
                row += ballot.rows
                start += 1
        return totals

    def _labels(self, group: Sequence[Ballot]) -> NDArray[np.int64]:
        batch = self.readout(self._noisy(group))
        try:
            return self.classifier.labels(batch).cpu().numpy()
        except ModelError as error:
            images = sorted({ballot.coordinate.image for ballot in group})
            raise ModelError(f"{error} (votes for image {', '.join(map(str, images))})") from error

    def readout(self, z: Tensor) -> Tensor:
        """Q z in float32 on the classifier's device: (N, K) -> (N, C, H, W)."""
        moved = z.to(device=self.classifier.device, dtype=torch.float32)
        return self.transformation.readout(moved, self.classifier.shape)

    def _noisy(self, group: Sequence[Ballot]) -> Tensor:
        """round_h(T_theta z + sigma delta), (rows, K) float64, for all ballots of one batch."""
        rows = sum(ballot.rows for ballot in group)
        noise = np.empty((rows, group[0].z.numel()))
        theta = np.empty((rows, self.law.dimensions))
        ends = np.cumsum([ballot.rows for ballot in group])

        def fill(place: int) -> None:
            ballot = group[place]
            part = slice(int(ends[place]) - ballot.rows, int(ends[place]))
            theta[part] = draw(ballot.coordinate, self.law, ballot.rows, noise[part])

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(fill, range(len(group))):
                pass
        counts = torch.tensor([ballot.rows for ballot in group])
        z = torch.stack([ballot.z for ballot in group]).repeat_interleave(counts, dim=0)
        moved = z
        if not self.still:
            columns = torch.from_numpy(theta).tensor_split(self.law.dimensions, dim=1)
            moved = self.transformation.act(z, *columns)
        noisy = torch.from_numpy(noise).mul_(self.law.sigma).add_(moved)
        if self.grid == 0.0:
            return noisy
        # Exact in float64: scaling by a power of two, rounding to an integer, scaling back.
        return noisy.mul_(1.0 / self.grid).round_().mul_(self.grid)


def _batches(ballots: Iterable[Ballot], batch_size: int) -> Iterable[list[Ballot]]:
    group: list[Ballot] = []
    rows = 0
    for ballot in ballots:
        if group and rows + ballot.rows > batch_size:
            yield group
            group, rows = [], 0
        group.append(ballot)
        rows += ballot.rows
    if group:
        yield group

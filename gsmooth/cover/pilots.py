"""Polls: votes at points of a region, by which covers are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Pilot:
    """A point of the region to be polled: its parameters, and the point z (K,) of the votes."""

    theta: tuple[float, ...]
    z: Tensor


@final
@dataclass(frozen=True)
class PilotEstimates:
    """won of cast votes were for the selected class, at theta (k, m); won, cast (k,)."""

    theta: Floats
    won: Floats
    cast: Floats

    def join(self, other: PilotEstimates) -> PilotEstimates:
        """The votes of both."""
        if len(other.won) == 0:
            return self
        return PilotEstimates(
            np.concatenate([self.theta, other.theta]),
            np.concatenate([self.won, other.won]),
            np.concatenate([self.cast, other.cast]),
        )

    def shares(self, theta: Floats) -> Floats:
        """The share that is thought to be had at theta (n, m), in (0, 1): smoothed over the region.

        A guess: it chooses centres, and nothing that is certified rests on it.
        """
        spans = np.maximum(theta.max(axis=0) - theta.min(axis=0), 1e-300)
        apart = (theta[:, None] - self.theta[None]) / (spans * COVER.pilots.reach)
        weight = np.exp(-0.5 * np.square(apart).sum(axis=2))
        mean = (self.won.sum() + 0.5) / (self.cast.sum() + 1.0)
        return np.asarray(
            (weight @ self.won + COVER.pilots.prior_votes * mean)
            / (weight @ self.cast + COVER.pilots.prior_votes)
        )

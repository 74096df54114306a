"""Pilots: votes at points of a region, by which the centres of a cover are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class PilotEstimates:
    """Votes at points of the region.

    Args:
        theta: Parameters of the points, (k, m).
        won: Votes for the selected class, (k,).
        cast: All votes, (k,).
    """

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
        """Estimated shares of votes at theta (n, m), in (0, 1), smoothed over the region.

        They choose the centres; no certificate depends on their being right.
        """
        spans = np.maximum(theta.max(axis=0) - theta.min(axis=0), 1e-300)
        apart = (theta[:, None] - self.theta[None]) / (spans * COVER.pilots.reach)
        weight = np.exp(-0.5 * np.square(apart).sum(axis=2))
        mean = (self.won.sum() + 0.5) / (self.cast.sum() + 1.0)
        return np.asarray(
            (weight @ self.won + COVER.pilots.prior_votes * mean)
            / (weight @ self.cast + COVER.pilots.prior_votes)
        )

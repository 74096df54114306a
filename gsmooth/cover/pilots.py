"""Pilots: votes at points of a region, by which the centres of a cover are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import special

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
        if len(self.won) == 0:
            return other
        return PilotEstimates(
            np.concatenate([self.theta, other.theta]),
            np.concatenate([self.won, other.won]),
            np.concatenate([self.cast, other.cast]),
        )

    def likely_shares(self) -> tuple[float, float]:
        """A low and a high share of all votes that their number makes likely."""
        won, lost = float(self.won.sum()), float((self.cast - self.won).sum())
        low, high = special.betaincinv(won + 0.5, lost + 0.5, COVER.pilots.likely)
        return float(low), float(high)

    def shares(self, theta: Floats, alike: Sequence[int] = ()) -> Floats:
        """Estimated shares of votes at theta (n, m), in (0, 1), smoothed over the region.

        They choose the centres; no certificate depends on their being right.

        Args:
            theta: Where they are wanted.
            alike: Parameters along which all shares are taken to be equal.
        """
        won, cast = self._near(theta, alike)
        return np.asarray(won / cast)

    def highest(self, theta: Floats, level: float, alike: Sequence[int] = ()) -> Floats:
        """Upper bounds of this level on the shares at theta (n, m), about: (n,).

        Args:
            theta: Where they are wanted.
            level: Level of each bound, as if votes nearby were votes there.
            alike: As for :meth:`shares`.
        """
        won, cast = self._near(theta, alike)
        return np.asarray(special.betaincinv(won + 1.0, np.maximum(cast - won, 1e-9), level))

    def _near(self, theta: Floats, alike: Sequence[int]) -> tuple[Floats, Floats]:
        """Votes won and votes cast near theta (n, m), with a few of the mean: both (n,)."""
        ends = np.concatenate([theta, self.theta])
        spans = np.maximum(ends.max(axis=0) - ends.min(axis=0), 1e-300)
        apart = (theta[:, None] - self.theta[None]) / (spans * COVER.pilots.reach)
        apart[:, :, list(alike)] = 0.0
        weight = np.exp(-0.5 * np.square(apart).sum(axis=2))
        mean = (self.won.sum() + 0.5) / (self.cast.sum() + 1.0)
        prior = COVER.pilots.prior_votes
        return weight @ self.won + prior * mean, weight @ self.cast + prior

"""Outlook: what the centres that are not tested yet are expected to cost; no bound rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from gsmooth.certificate import CentreEvidence
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Ball, PilotEstimates, Price
from gsmooth.theory.normal import Floats, normal_cdf, normal_quantile


@final
@dataclass(frozen=True)
class Outlook:
    """The votes of an image so far, as an estimate of what its other centres will cost.

    Giving up costs power and never soundness, so all votes may be used: those of the selection,
    pilots and the centres that were tested.

    Args:
        estimates: Votes of the selected class, at the parameters of their points.
        alike: Parameters along which all probabilities are equal (T7).
        price: The expected cost of centres.
        rival: The part of the other votes that the strongest other class has, where the gap to it
            is tested (S9); else 1.
    """

    estimates: PilotEstimates
    alike: tuple[int, ...]
    price: Price
    rival: float = 1.0

    def after(self, evidence: Sequence[CentreEvidence]) -> Self:
        """The outlook with the votes of the centres that were tested."""
        return replace(self, estimates=self.estimates.join(tested(evidence)))

    def joined(self, theta: tuple[float, ...], won: int, cast: int) -> Self:
        """The outlook with votes at one more point."""
        at = np.array([theta]).reshape(1, len(theta))
        more = PilotEstimates(at, np.array([float(won)]), np.array([float(cast)]))
        return replace(self, estimates=self.estimates.join(more))

    def votes(self, balls: Sequence[Ball]) -> float:
        """Expected votes of these balls together, at high shares that the votes leave likely."""
        if not balls:
            return 0.0
        theta = np.array([ball.theta for ball in balls])
        required_p = np.array([ball.required_p for ball in balls])
        level = CERTIFICATION.giving_up.waiting_level
        high = as_majority(self.estimates.highest(theta, level, self.alike), self.rival)
        return float(self.price.votes(required_p, high).sum())


def tested(evidence: Sequence[CentreEvidence]) -> PilotEstimates:
    """The votes of the centres that were tested."""
    seen = [centre for centre in evidence if centre.trials]
    return PilotEstimates(
        np.array([centre.theta for centre in seen]),
        np.array([float(centre.successes) for centre in seen]),
        np.array([float(centre.trials) for centre in seen]),
    )


def as_majority(p: Floats, rival: float) -> Floats:
    """The p of a class that is as far ahead of all others as one of ``p`` is of its rival (S9).

    S9: a centre asks for a gap of twice its margin to every other class. Half of the gap stands
    for the margin that p alone would have.

    Args:
        p: Probabilities of the class.
        rival: The part of the others that the strongest class has.
    """
    second = np.clip(rival * (1.0 - p), 1e-12, None)
    half = 0.5 * (normal_quantile(np.clip(p, 1e-12, 1.0 - 1e-12)) - normal_quantile(second))
    return np.asarray(np.maximum(p, normal_cdf(half)))

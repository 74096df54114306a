"""Outlook: what the centres that are not tested yet are expected to cost; no bound rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import PilotEstimates, Price
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

    def votes(self, theta: Floats, required_p: Floats, seen: PilotEstimates) -> float:
        """Expected votes of these balls together, at high shares that the votes leave likely.

        Args:
            theta: Parameters of their centres, (balls, d).
            required_p: What they require, (balls,).
            seen: Votes of the centres that were tested.
        """
        if not len(theta):
            return 0.0
        known, level = self.estimates.join(seen), CERTIFICATION.giving_up.waiting_level
        high = as_majority(known.highest(theta, level, self.alike), self.rival)
        return float(self.price.votes(required_p, high).sum())


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

"""What an attack came to: the worst image found, and what the smoothed classifier says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from torch import Tensor

from gsmooth.certificate import Prediction

VIOLATION_ALPHA: Final = 1e-9
"""alpha lets a few certificates be wrong by design; PREDICT at this level does not."""


@final
@dataclass(frozen=True)
class Attempt:
    """One attack psi_theta(x) + added, rounded where the region says so.

    added, attacked (C, H, W): its additive part, of norm ``l2``, and the image itself. strict:
    PREDICT at alpha = 1e-9 there, from fresh votes. stream: which of the adversary's streams of
    votes they are.
    """

    theta: tuple[float, ...]
    l2: float
    strict: Prediction
    stream: int
    added: Tensor = field(repr=False, compare=False)
    attacked: Tensor = field(repr=False, compare=False)

    def refutes(self, certified: int) -> bool:
        """Whether a certificate of class ``certified`` that holds this attack is wrong.

        The true label does not matter: a certificate of a wrong class can be refuted by it.
        """
        return self.strict.label not in (None, certified)


@final
@dataclass(frozen=True)
class AttackOutcome:
    """The worst attack found on one image.

    worst: of the whole region, against the true label. prediction: PREDICT there at the plan's
    alpha; robust: it is the true label (an abstention is not). forwards: passes spent in all.
    inside: the worst for a certificate of another class, or of a part of the region, if any.
    missing_gradient: why the search did without gradients although they were asked for; None where
    it had them, and where it took no step.
    """

    index: int
    worst: Attempt
    prediction: Prediction
    robust: bool
    forwards: int
    inside: Attempt | None = None
    missing_gradient: str | None = None

    @property
    def theta(self) -> tuple[float, ...]:
        """Parameters of the worst attack."""
        return self.worst.theta

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attack that was put to PREDICT."""
        return (self.worst,) if self.inside is None else (self.worst, self.inside)

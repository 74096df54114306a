"""AttackOutcome: the worst attack found, and the answer of the smoothed classifier there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from torch import Tensor

from gsmooth.certificate import Prediction
from gsmooth.text.notebook import facts_html

VIOLATION_ALPHA: Final = 1e-9
"""Level of PREDICT for a violation: far below alpha, at which a few certificates may be wrong."""


@final
@dataclass(frozen=True)
class Attempt:
    """One attack psi_theta(x) + added, rounded if the region has ``bits``.

    Args:
        theta: Parameters of the attack.
        l2: Norm of the additive part.
        strict: PREDICT at alpha = 1e-9 at the attacked image, from fresh votes.
        stream: Which of the adversary's streams of votes they are.
        added: The additive part (C, H, W).
        attacked: The attacked image (C, H, W).
    """

    theta: tuple[float, ...]
    l2: float
    strict: Prediction
    stream: int
    added: Tensor = field(repr=False, compare=False)
    attacked: Tensor = field(repr=False, compare=False)

    def refutes(self, certified: int) -> bool:
        """True if a certificate of class ``certified`` whose region has this attack is wrong.

        The true label does not matter: a certificate of a wrong class can be refuted too.
        """
        return self.strict.label not in (None, certified)


@final
@dataclass(frozen=True)
class AttackOutcome:
    """The worst attack found on one image.

    Args:
        index: The index of the image.
        worst: The worst attack of the whole region, against the true label.
        prediction: PREDICT there, at the plan's alpha.
        robust: True if that is the true label; False for an abstention.
        forwards: Forward passes in all.
        inside: The worst attack for a certificate of another class, or of a part of the region;
            None without such a certificate.
        missing_gradient: Why the search had no gradients although the plan has gradient steps; None
            if it had them, or took no step.
    """

    index: int
    worst: Attempt
    prediction: Prediction
    robust: bool
    forwards: int
    inside: Attempt | None = None
    missing_gradient: str | None = None

    def _repr_html_(self) -> str:
        """For notebooks: whether g keeps the class, and where it was tried hardest."""
        answer = self.prediction.label
        facts = {
            "worst parameters": ", ".join(f"{value:.4g}" for value in self.theta) or None,
            "answer there": "not sure" if answer is None else f"class {answer}",
            "forward passes": f"{self.forwards:,}",
        }
        kept = "keeps the true class" if self.robust else "does not keep the true class"
        return facts_html(f"Image {self.index} under the worst attack found: g {kept}", facts)

    @property
    def theta(self) -> tuple[float, ...]:
        """Parameters of the worst attack."""
        return self.worst.theta

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attack at which PREDICT was evaluated."""
        return (self.worst,) if self.inside is None else (self.worst, self.inside)

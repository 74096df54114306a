"""What a predictor answers: a class, or that the votes decide none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gsmooth.certificate import Prediction
from gsmooth.text.notebook import votes_html
from gsmooth.text.rounding import text_up


@final
@dataclass(frozen=True)
class Decided:
    """The class of g at an image, except with probability ``alpha`` (S3b).

    S3b: over the noise, another class than g's is returned with probability at most alpha.

    Args:
        label: The class.
        counts: Votes by class; the last number counts ties.
        alpha: Probability that the class is wrong.

    Example:
        >>> Decided(label=1, counts=(0, 12, 0), alpha=0.001).votes
        12
    """

    label: int
    counts: tuple[int, ...]
    alpha: float

    def _repr_html_(self) -> str:
        """For notebooks: the answer, and the votes of the classes that had most."""
        return votes_html(
            f"g answers: class {self.label} (alpha = {text_up(self.alpha)})", self.counts
        )

    @property
    def votes(self) -> int:
        """Votes in all."""
        return sum(self.counts)


@final
@dataclass(frozen=True)
class Undecided:
    """An abstention: the votes decide no class. It has no label to be taken for one.

    Args:
        counts: Votes by class; the last number counts ties.
        alpha: Probability that a class would have been wrong.

    Example:
        >>> Undecided(counts=(30, 28, 6), alpha=0.001).votes
        64
    """

    counts: tuple[int, ...]
    alpha: float

    def _repr_html_(self) -> str:
        """For notebooks: the answer, and the votes of the classes that had most."""
        return votes_html(
            f"g answers: no class is sure (alpha = {text_up(self.alpha)})", self.counts
        )

    @property
    def votes(self) -> int:
        """Votes in all."""
        return sum(self.counts)


Answer = Decided | Undecided


def as_answer(found: Prediction) -> Answer:
    """The answer that a prediction stands for.

    Args:
        found: The prediction; its label is None for an abstention.
    """
    if found.label is None:
        return Undecided(found.counts, found.alpha)
    return Decided(found.label, found.counts, found.alpha)

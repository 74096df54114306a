"""Selection: how many votes select the class, and what PREDICT answers by them (S3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from gsmooth.theory.arguments import require_alpha
from gsmooth.theory.bounds import predict_test


@final
@dataclass(frozen=True)
class SelectionLooks:
    """n0 votes, or fewer if the first of them are all for one class (S3).

    S3: the first ``first`` votes are all for a class that is not the largest with probability at
    most 2^(1 - first), because each such class has a probability of at most 1/2 and together they
    have at most 1. PREDICT's test of all n0 votes has the rest of alpha. So its answer is wrong
    with probability at most alpha.

    Args:
        n0: Votes that select the class.
        first: Votes after which the selection may end; None: it never ends early.
        alpha: Failure probability of PREDICT, in (0, 1/2].

    Raises:
        ConfigurationError: alpha is outside (0, 1/2].

    Example:
        >>> looks = SelectionLooks(n0=64, first=16, alpha=0.001)
        >>> looks.prediction([0, 16, 0, 0]), looks.prediction([0, 42, 22, 0])
        (1, None)
    """

    n0: int
    first: int | None
    alpha: float

    def __post_init__(self) -> None:
        require_alpha(self.alpha)

    @property
    def least(self) -> int:
        """The least votes that the selection can have.

        It ends early only where that takes no more than half of alpha.
        """
        if self.first is None or self.first >= self.n0:
            return self.n0
        return self.first if 2.0 ** (1 - self.first) <= 0.5 * self.alpha else self.n0

    @property
    def level(self) -> float:
        """The level of PREDICT's test of all n0 votes."""
        return self.alpha - (2.0 ** (1 - self.least) if self.least < self.n0 else 0.0)

    def ends(self, votes: Sequence[int]) -> bool:
        """Whether the selection ends with these votes.

        Args:
            votes: Votes by class, and ties last.
        """
        cast = int(sum(votes))
        return cast >= self.n0 or (cast >= self.least and max(votes[:-1]) == cast)

    def allows(self, votes: Sequence[int]) -> bool:
        """Whether a selection can have ended with these votes.

        Args:
            votes: Votes by class, and ties last.
        """
        cast = int(sum(votes))
        return cast == self.n0 or (cast == self.least and self.ends(votes))

    def prediction(self, votes: Sequence[int]) -> int | None:
        """PREDICT's answer.

        Args:
            votes: Votes by class of a selection that has ended, and ties last.

        Returns:
            The class with most votes, the first of several; None: PREDICT abstains.
        """
        first, *others = sorted(range(len(votes) - 1), key=lambda label: -votes[label])
        if self.least < self.n0 and self.ends(votes) and sum(votes) < self.n0:
            return first
        second = votes[others[0]] if others else 0
        return first if predict_test(int(votes[first]), int(second), self.level).decided else None

"""PREDICT that may stop as soon as the votes show the class (S3b)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_alpha
from gsmooth.theory.e_value import log_e_lower, log_threshold
from gsmooth.theory.settings import THEORY


@final
@dataclass(frozen=True)
class AnytimePredict:
    """PREDICT at all numbers of votes at once (S3b).

    S3b: the first votes weigh the classes, and all votes test the leading class against the next
    one, by an e-value. The class that is returned is another one than the smoothed classifier's
    with probability at most alpha, whenever and however often the votes are looked at.

    Args:
        alpha: Probability that the class is wrong, in (0, 1/2].
        classes: Number of classes, at least 2.

    Raises:
        ConfigurationError: alpha is outside (0, 1/2], or there are fewer than 2 classes.

    Example:
        >>> test = AnytimePredict(alpha=0.001, classes=3)
        >>> test.first
        12
        >>> test.answer([0, 12, 0, 0], [0, 12, 0, 0])
        1
        >>> test.answer([2, 10, 0, 0], [4, 20, 0, 0]) is None
        True
        >>> test.answer([2, 10, 0, 0], [5, 31, 0, 0])
        1
    """

    alpha: float
    classes: int

    def __post_init__(self) -> None:
        require_alpha(self.alpha)
        if self.classes < 2:
            raise ConfigurationError(f"classes={self.classes}: expected 2 or more to choose from")

    @property
    def first(self) -> int:
        """Votes before the first look: the least number that is enough if all agree."""
        return _least_first(self.alpha, self.classes)

    def log_e(self, led: float, won: int, second: int) -> float:
        """Logarithm of the e-value against "the class with ``second`` votes has as many chances".

        Args:
            led: The part of the first votes that the class has, in [0, 1].
            won: All votes of the class.
            second: All votes of the other class.

        Returns:
            A lower bound on ln e.
        """
        settings = THEORY.predict
        drawn = math.log(settings.uniform / (self.classes - 1))
        drawn += log_e_lower(won, second, 0.5, settings.near_one)
        if led == 0.0:
            return drawn
        chosen = math.log((1.0 - settings.uniform) * led)
        chosen += log_e_lower(won - 1, second, 0.5, settings.near_one)
        high, low = max(drawn, chosen), min(drawn, chosen)
        return high + math.log1p(math.exp(low - high)) - 2.0**-40 * (1.0 + abs(high))

    def answer(self, first: Sequence[int], votes: Sequence[int]) -> int | None:
        """The class, or None if the votes do not show one yet (S3b).

        S3b: it is wrong with probability at most alpha, at all looks together.

        Args:
            first: The first votes by class, and ties last; always the same number of them.
            votes: All votes by class, those included, and ties last.

        Returns:
            The class with most votes, where they show it.
        """
        top = _Top.of(votes)
        return top.label if self._shows(first, votes, top) else None

    def can_answer(self, first: Sequence[int], votes: Sequence[int], more: int) -> bool:
        """Whether so many more votes can show a class at all: if all of them are for that class.

        Args:
            first: As in :meth:`answer`.
            votes: As in :meth:`answer`.
            more: Votes that may still be cast.
        """
        top = _Top.of(votes)
        # A class without votes is behind the leading class in everything.
        alike = {(first[c], votes[c]): c for c in range(self.classes) if votes[c]}
        candidates = alike.values() or [top.label]
        return any(self._shows(first, votes, top, label, more) for label in candidates)

    def votes_to_next_look(self, first: Sequence[int], votes: Sequence[int], most: int) -> int:
        """Votes until the next look: as many as the leading class needs, if all are for it.

        They depend on earlier votes alone, so the error stays below alpha. A look before is of no
        use, and one soon after the last costs a round of votes of its own, so they are a part of
        all votes at least.

        Args:
            first: As in :meth:`answer`.
            votes: As in :meth:`answer`.
            most: The largest number that is of use, at least 1.

        Returns:
            A number from 1 to ``most``.
        """
        top, settings = _Top.of(votes), THEORY.predict
        low = max(settings.least_look, math.ceil(settings.growth * sum(votes))) - 1
        high = most
        if low >= most or not self._shows(first, votes, top, top.label, most):
            return most
        while high - low > 1:
            middle = (low + high) // 2
            shown = self._shows(first, votes, top, top.label, middle)
            low, high = (low, middle) if shown else (middle, high)
        return high

    def _shows(
        self,
        first: Sequence[int],
        votes: Sequence[int],
        top: _Top,
        label: int | None = None,
        more: int = 0,
    ) -> bool:
        """Whether the votes, and so many more for this class (the leading one), show it."""
        label = top.label if label is None else label
        second = top.second if label == top.label else top.most
        won, cast = votes[label] + more, sum(first)
        if won <= second or cast == 0:
            return False
        return self.log_e(first[label] / cast, won, second) >= log_threshold(self.alpha)


@final
@dataclass(frozen=True)
class _Top:
    """The class with most votes, the first of several, its votes, and those of the next one."""

    label: int
    most: int
    second: int

    @staticmethod
    def of(votes: Sequence[int]) -> _Top:
        """Of votes by class, with ties last, which are no class."""
        *cast, _ = votes
        most = max(cast)
        label = cast.index(most)
        cast[label] = -1
        return _Top(label, most, max(cast))


@lru_cache(maxsize=256)
def _least_first(alpha: float, classes: int) -> int:
    test = AnytimePredict(alpha, classes)
    enough, votes = log_threshold(alpha), 1
    while test.log_e(1.0, votes, 0) < enough:
        votes += 1
    return votes

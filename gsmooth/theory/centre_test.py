"""The test of one centre: the one-sided e-process (S6), mixed with that of the runner-up (S9)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.arguments import require_alpha, require_required_p
from gsmooth.theory.e_value import log_e_lower, log_threshold
from gsmooth.theory.normal import ROUNDING, normal_cdf, normal_quantile
from gsmooth.theory.runner_up import RunnerUpNull, ThreeCells
from gsmooth.theory.sequential import MOST_VOTES, Futility, StreamedSample, anytime_lower
from gsmooth.theory.settings import THEORY

_MONOTONE: Final = math.log(1.1)
"""Below it the one-sided e-value is left out of a mixture: above it falls as the share grows, so
that a mixture that rejects a margin rejects every smaller one."""


@final
@dataclass(frozen=True)
class ClassCounts:
    """Votes at one centre, as far as a test asks for them.

    Args:
        won: Votes for the selected class.
        rivals: The different numbers of votes of the other classes, descending; 0 is among them if
            a class has no vote.
        trials: Votes in all; those for no class (F3) count as no class's.
    """

    won: int
    rivals: tuple[int, ...]
    trials: int

    @classmethod
    def of(cls, votes: Sequence[int], label: int) -> ClassCounts:
        """The counts for one class.

        Args:
            votes: Votes by class, and ties last.
            label: The class that is tested.

        Returns:
            Its counts.

        Example:
            >>> ClassCounts.of([2, 60, 1, 1, 0], label=1)
            ClassCounts(won=60, rivals=(2, 1), trials=64)
        """
        others = {int(v) for c, v in enumerate(votes[:-1]) if c != label}
        return cls(int(votes[label]), tuple(sorted(others, reverse=True)), int(sum(votes)))

    @property
    def failures(self) -> int:
        """Votes that are not for the class."""
        return self.trials - self.won

    def with_unanimous(self, votes: int) -> ClassCounts:
        """The counts after so many more votes, all for the class.

        Args:
            votes: How many.
        """
        return replace(self, won=self.won + votes, trials=self.trials + votes)

    def cells(self) -> Iterator[ThreeCells]:
        """The votes as the tests of the other classes see them, the strongest class first."""
        for second in self.rivals:
            yield ThreeCells(self.won, second, self.failures - second)


@final
@dataclass(frozen=True)
class CentreMixture:
    """The weights with which the tests of one centre are mixed.

    A mixture of e-values is an e-value, if its weights are fixed before the votes that it is about.

    Args:
        runner_up: Weight of the test of the runner-up (S9), in [0, 1); the one-sided e-process (S6)
            has the rest.
        near_one: Exponent at 1 of the prior of the one-sided e-process; 1/2 is Jeffreys'.
    """

    runner_up: float = 0.0
    near_one: float = 0.5

    def __post_init__(self) -> None:
        if not (0.0 <= self.runner_up < 1.0 and 0.0 < self.near_one <= 0.5):
            raise ConfigurationError(
                f"{self}: expected a weight in [0, 1) and an exponent in (0, 1/2]"
            )


ONE_SIDED: Final = CentreMixture()
"""The one-sided e-process alone, with Jeffreys' prior: all of decision rule 1."""


def mixture_of(selection: Sequence[int], *, gap: bool, radius: bool = False) -> CentreMixture:
    """The mixture that the selection votes choose (S9).

    S9: they are independent of the votes that are tested, so the weights are fixed in advance (S2).
    Where all of them agree, nearly all weight is on a one-sided test for unanimous votes. Where one
    class has most of the others, the runner-up has as many votes as all others together, and the
    one-sided test is the better one.

    Args:
        selection: Selection votes by class, and ties last.
        gap: Whether the margins bound every class's probability, so that S9 applies.
        radius: Whether a bound is sought, for which the prior has to be Jeffreys' (S6, inverted).

    Returns:
        The mixture.

    Example:
        >>> mixture_of([64, 0, 0, 0], gap=True)
        CentreMixture(runner_up=0.1, near_one=0.125)
        >>> mixture_of([60, 2, 2, 0], gap=True)
        CentreMixture(runner_up=0.5, near_one=0.5)
    """
    settings = THEORY.runner_up
    first, *others = sorted(map(int, selection[:-1]), reverse=True)
    failures = int(sum(selection)) - first
    unanimous = failures == 0
    near_one = settings.near_one if unanimous and not radius else ONE_SIDED.near_one
    # With two classes the runner-up has every vote that is not for the first: one test is enough.
    if not gap or len(others) < 2:
        return CentreMixture(0.0, near_one)
    if unanimous:
        return CentreMixture(settings.unanimous, near_one)
    concentrated = 2 * others[0] > failures
    return CentreMixture(settings.concentrated if concentrated else settings.spread, near_one)


@final
@dataclass(frozen=True)
class CentreTest:
    """Sequential test that a class stays the largest within a ball (S6, S9).

    S6 shows p > required_p. S9 shows, class by class, that none can catch up: every pair of the
    selected class and another one is rejected at the full alpha (intersection-union). The two
    e-values are mixed. With the mixture :data:`ONE_SIDED` it is the EProcess.

    Args:
        required_p: Phi(margin), rounded up.
        alpha: Level of the test, in (0, 1/2].
        mixture: The weights of the two tests.

    Raises:
        UnreachableError: required_p is 1 or more.
        ConfigurationError: required_p is 0 or less, or alpha is outside (0, 1/2].

    Example:
        >>> test = CentreTest(0.774, alpha=0.001, mixture=CentreMixture(0.5))
        >>> spread = ClassCounts.of([240, 10, 10, 10, 10, 10, 10, 0], label=0)
        >>> test.accepts(spread), CentreTest(0.774, alpha=0.001).accepts(spread)
        (True, False)
    """

    required_p: float
    alpha: float
    mixture: CentreMixture = ONE_SIDED

    def __post_init__(self) -> None:
        require_required_p(self.required_p)
        require_alpha(self.alpha)

    @property
    def null(self) -> RunnerUpNull:
        """The hypothesis that another class can catch up."""
        return null_of(self.required_p)

    def accepts(self, counts: ClassCounts) -> bool:
        """Whether the class is shown to stay the largest; it may be called after any vote.

        Args:
            counts: The votes so far.

        Returns:
            Whether the test accepts.
        """
        enough, weight = log_threshold(self.alpha), self.mixture.runner_up
        one = log_e_lower(counts.won, counts.failures, self.required_p, self.mixture.near_one)
        if weight == 0.0:
            return one >= enough
        # What the runner-up has to bring: (1/alpha - (1 - w) e_one) / w.
        part = one + math.log1p(-weight) if one >= _MONOTONE else -math.inf
        if part >= enough:
            return True
        missing = enough + math.log1p(-math.exp(part - enough)) - math.log(weight)
        missing += 2.0**-40 * (1.0 + abs(missing))
        null = self.null
        return all(null.log_e(cells) >= missing for cells in counts.cells())

    def is_futile(self, counts: ClassCounts, level: float) -> bool:
        """Whether the votes show that they will not suffice (S6, S9): a centre is then given up.

        Without a test of the runner-up it is the mirrored e-process. With one, some class has to be
        shown to be able to catch up. Either costs power and never soundness.

        Args:
            counts: The votes so far, at least one.
            level: Probability of giving up a centre that could pass, in (0, 1/2].
        """
        if self.mixture.runner_up:
            return runner_up_futile(counts, self.required_p, level)
        return Futility(self.required_p, level).stops(StreamedSample(counts.won, counts.trials))

    def can_accept(self, counts: ClassCounts, votes: int) -> bool:
        """Whether so many more unanimous votes would be accepted.

        Args:
            counts: The votes so far.
            votes: Votes that may still be cast.
        """
        return self.accepts(counts.with_unanimous(votes))

    def least_n(self) -> int:
        """Least number of unanimous votes that is accepted.

        Raises:
            UnreachableError: No number below 2^50 is accepted.
        """
        none = ClassCounts(0, (0,), 0)
        low, high = 0, 1
        while not self.can_accept(none, high):
            if high >= MOST_VOTES:
                raise UnreachableError(
                    f"required_p={self.required_p!r} at alpha={self.alpha!r}: even {high} unanimous"
                    " votes fall short; ask for a smaller region or use more noise",
                    None,
                )
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.can_accept(none, middle) else (middle, high)
        return high


def anytime_required_p(counts: ClassCounts, alpha: float, mixture: CentreMixture) -> float:
    """Largest required probability that the test of a centre accepts, valid at any time (S9).

    S9: the e-values fall as the margin grows, so every smaller requirement is accepted as well. If
    Phi(d) is the largest one that the true probabilities meet, more is accepted at some time with
    probability at most alpha. Without a runner-up it is ``anytime_lower``.

    Args:
        counts: The votes so far, at least one.
        alpha: Failure probability, in (0, 1/2].
        mixture: The weights of the two tests, with Jeffreys' prior.

    Returns:
        The bound, in [0, 1), a little below the largest one; 0 if not even 1/2 is accepted.

    Example:
        >>> counts = ClassCounts.of([70, 6, 6, 6, 6, 6, 0], label=0)
        >>> round(anytime_required_p(counts, 0.001, CentreMixture(0.5)), 2)
        0.65
        >>> round(anytime_required_p(counts, 0.001, ONE_SIDED), 2)
        0.49
    """
    if mixture.runner_up == 0.0:
        return anytime_lower(StreamedSample(counts.won, counts.trials), alpha)
    if not CentreTest(0.5, alpha, mixture).accepts(counts):
        return 0.0
    low, high = 0.0, THEORY.runner_up.widest
    for _ in range(THEORY.runner_up.halvings):
        middle = 0.5 * (low + high)
        required_p = float(normal_cdf(middle))
        if CentreTest(required_p, alpha, mixture).accepts(counts):
            low = middle
        else:
            high = middle
    return float(normal_cdf(low))


def null_of(required_p: float) -> RunnerUpNull:
    """The hypothesis of S9 for a centre that requires ``required_p`` = Phi(margin), rounded up.

    S9: its margin is Phi^-1(required_p), rounded up, so at least the distance that the ball has;
    its variation is that which every test pays for.

    Args:
        required_p: Required probability, in [1/2, 1).
    """
    margin = max(0.0, float(normal_quantile(required_p)))
    return RunnerUpNull(margin * (1.0 + ROUNDING) + ROUNDING, THEORY.runner_up.variation)


def runner_up_futile(counts: ClassCounts, required_p: float, level: float) -> bool:
    """Whether some class is shown to be able to catch up: then votes will not suffice (S9).

    S9: each class is shown to at level / number of classes with votes. An error costs power and
    never soundness.

    Args:
        counts: The votes so far.
        required_p: What the centre requires.
        level: Probability of giving up a centre that could pass.
    """
    null = null_of(required_p)
    strongest = next(iter(counts.cells()), None)
    if strongest is None:
        return False
    enough = -math.log(level) + math.log(max(1, len(counts.rivals)))
    return null.log_e_of_opposite(strongest) >= enough

"""What a stopping rule does, exactly: a dynamic program over the number of successes (O3).

O3: error probabilities of stopping rules are computed, not simulated. Type-1 error, power and
expected votes come out to about machine precision: all terms are positive, so the relative error
grows like n_max times 2^-53. Numbers of successes with a negligible probability are dropped, so
n_max = 100,000 takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, chain, pairwise, repeat, takewhile
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError
from gsmooth.theory.normal import Floats
from gsmooth.theory.sequential import EProcess, Futility

NEGLIGIBLE: Final = 1e-40
"""Smaller probabilities are dropped at both ends: less than 1e-33 in all at n_max = 100,000."""


class Decision(IntEnum):
    """What a stopping rule answers at a look."""

    CONTINUE = 0
    ACCEPT = 1
    STOP = 2


# (successes (k,), trials) -> (k,) of Decision values.
StoppingRule = Callable[[NDArray[np.int64], int], NDArray[np.int8]]


@final
@dataclass(frozen=True)
class StoppingOutcome:
    """Probabilities of the three ends of a run, and the votes that it costs on average.

    Args:
        accept: Probability that the rule accepts.
        stop: Probability that it gives up.
        exhausted: Probability that n_max votes pass without a decision.
        expected_trials: Expected number of votes.
    """

    accept: float
    stop: float
    exhausted: float
    expected_trials: float


def exact_outcome(
    rule: StoppingRule, p: float, n_max: int, look_every: int | Iterable[int] = 1
) -> StoppingOutcome:
    """Outcome of a stopping rule on independent votes, without simulation (O3).

    O3: the error probability of a stopping rule is computed exactly. Votes between two looks are
    all cast, and the rule is applied after the last vote in any case.

    Args:
        rule: Maps (successes (k,), trials) to one :class:`Decision` per number of successes.
        p: Probability that a vote is a success, in [0, 1].
        n_max: Most votes.
        look_every: Number of votes between two looks, or the ascending numbers of votes at which
            the rule is applied (see :func:`looks_after`).

    Returns:
        The probabilities of the three ends and the expected number of votes.

    Raises:
        ConfigurationError: p is no probability, or the looks are empty or not ascending.

    Example:
        >>> from gsmooth.theory.sequential import EProcess
        >>> rule = boundary_rule(EProcess(0.774, alpha=0.001), n_max=5000)
        >>> outcome = exact_outcome(rule, p=0.95, n_max=5000)
        >>> round(outcome.accept, 4), round(outcome.expected_trials, 1)
        (1.0, 64.1)
        >>> exact_outcome(rule, p=0.774, n_max=5000).accept < 0.001
        True
    """
    if not 0.0 <= p <= 1.0:
        raise ConfigurationError(f"p={p!r}: expected a probability in [0, 1]")
    band, seen, expected = _Band(p), 0, 0.0
    ended = {Decision.ACCEPT: 0.0, Decision.STOP: 0.0}
    for trials in _looks(n_max, look_every):
        expected += band.total * (trials - seen)
        band.vote(trials - seen)
        seen = trials
        decisions = np.asarray(rule(band.successes, trials))
        for decision in ended:
            ended[decision] += band.remove(decisions == decision)
        band.trim()
        if not band.mass.size:
            break
    return StoppingOutcome(ended[Decision.ACCEPT], ended[Decision.STOP], band.total, expected)


def looks_after(chunks: Sequence[int], n_max: int) -> list[int]:
    """Numbers of votes after each chunk.

    Args:
        chunks: Sizes of the chunks, at least 1 each; the last one is repeated.
        n_max: Most votes.

    Returns:
        The ascending numbers of votes, up to n_max.

    Raises:
        ConfigurationError: There is no chunk, or one is empty.

    Example:
        >>> looks_after((16, 16, 32, 64), 200)
        [16, 32, 64, 128, 192]
    """
    if not chunks or min(chunks) < 1:
        raise ConfigurationError(f"chunks={chunks}: expected sizes of at least one vote")
    totals = accumulate(chain(chunks, repeat(chunks[-1])))
    return list(takewhile(lambda total: total <= n_max, totals))


def boundary_rule(eprocess: EProcess, n_max: int, futility: Futility | None = None) -> StoppingRule:
    """The stopping rule of certification: accept, give up when futile, or when it cannot accept.

    It gives up where the remaining votes up to n_max could not suffice even if unanimous. Its
    boundaries are computed once, for every number of votes up to n_max.

    Args:
        eprocess: The test that accepts.
        n_max: Most votes.
        futility: The test that gives up; None for none.

    Returns:
        The rule, for :func:`exact_outcome`.
    """
    trials = np.arange(n_max + 1)
    least = eprocess.boundary(trials)
    # The final boundary in failures: with more of them no later vote can lead to acceptance.
    affordable = n_max - int(least[n_max])
    hopeless = np.full(n_max + 1, affordable + 1)
    if futility is not None:
        hopeless = np.minimum(hopeless, futility.mirror.boundary(trials))

    def rule(successes: NDArray[np.int64], seen: int) -> NDArray[np.int8]:
        decisions = np.full(successes.shape, Decision.CONTINUE, dtype=np.int8)
        decisions[seen - successes >= hopeless[seen]] = Decision.STOP
        decisions[successes >= least[seen]] = Decision.ACCEPT
        return decisions

    return rule


def _looks(n_max: int, look_every: int | Iterable[int]) -> list[int]:
    """Ascending numbers of votes at which the rule is applied, n_max the last of them."""
    every = look_every if isinstance(look_every, int) else 1
    if n_max < 1 or every < 1:
        raise ConfigurationError(
            f"n_max={n_max}, look_every={look_every}: expected at least one vote and a look"
        )
    asked = range(every, n_max, every) if isinstance(look_every, int) else look_every
    looks = [*(look for look in asked if look < n_max), n_max]
    if looks[0] < 1 or any(later <= look for look, later in pairwise(looks)):
        raise ConfigurationError(f"looks at {looks[:5]}...: expected ascending numbers of votes")
    return looks


class _Band:
    """P(still running with h successes) for the likely h: ``low``, low + 1, ..."""

    def __init__(self, p: float) -> None:
        self.p, self.low, self.mass = p, 0, np.ones(1)
        self.blocks: dict[int, tuple[int, Floats]] = {}

    @property
    def successes(self) -> NDArray[np.int64]:
        """The numbers of successes of ``mass``, (k,)."""
        return np.arange(self.low, self.low + len(self.mass))

    @property
    def total(self) -> float:
        """P(still running)."""
        return float(self.mass.sum())

    def vote(self, count: int) -> None:
        """``count`` more votes."""
        if count not in self.blocks:
            self.blocks[count] = _binomial(count, self.p)
        first, chances = self.blocks[count]
        self.low, self.mass = self.low + first, np.convolve(self.mass, chances)

    def remove(self, chosen: NDArray[np.bool_]) -> float:
        """Take the chosen numbers of successes out; their probability."""
        taken = float(self.mass[chosen].sum())
        self.mass[chosen] = 0.0
        return taken

    def trim(self) -> None:
        """Drop what is negligible at both ends."""
        first, self.mass = _trimmed(self.mass)
        self.low += first


def _binomial(count: int, p: float) -> tuple[int, Floats]:
    """The first likely number of successes of ``count`` votes, and the chances from it on.

    By doubling: sums of products of positive terms, with no cancellation.
    """
    if count == 1:
        return 0, np.array([1.0 - p, p])
    first, half = _binomial(count // 2, p)
    low, chances = 2 * first, np.convolve(half, half)
    if count % 2:
        chances = np.convolve(chances, np.array([1.0 - p, p]))
    cut, chances = _trimmed(chances)
    return low + cut, chances


def _trimmed(mass: Floats) -> tuple[int, Floats]:
    """Where what is not negligible begins, and that part."""
    kept = np.flatnonzero(mass > NEGLIGIBLE)
    if not len(kept):
        return 0, mass[:0]
    return int(kept[0]), mass[kept[0] : kept[-1] + 1]

"""What a stopping rule does, exactly: a dynamic program over the number of successes.

No simulation: type-1 error, power and expected votes come out to about machine precision (all
terms are positive, so the relative error grows like n_max times 2^-53).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError
from gsmooth.theory.normal import Floats
from gsmooth.theory.sequential import EProcess, Futility


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

    accept: the rule accepted; stop: it gave up; exhausted: n_max votes passed without a decision.
    """

    accept: float
    stop: float
    exhausted: float
    expected_trials: float


def exact_outcome(rule: StoppingRule, p: float, n_max: int, look_every: int = 1) -> StoppingOutcome:
    """Outcome of ``rule`` on independent votes of success probability p.

    The rule is asked after every ``look_every`` votes and after the last of n_max.
    """
    if not 0.0 <= p <= 1.0:
        raise ConfigurationError(f"p={p!r}: expected a probability in [0, 1]")
    if n_max < 1 or look_every < 1:
        raise ConfigurationError(
            f"n_max={n_max}, look_every={look_every}: expected at least one vote and a look"
        )
    mass: Floats = np.zeros(n_max + 1)
    mass[0] = 1.0
    ended = {Decision.ACCEPT: 0.0, Decision.STOP: 0.0}
    expected = 0.0
    for trials in range(1, n_max + 1):
        expected += float(mass[:trials].sum())
        _vote(mass, trials, p)
        if trials % look_every and trials < n_max:
            continue
        alive = np.flatnonzero(mass[: trials + 1])
        decisions = np.asarray(rule(alive, trials))
        for decision in ended:
            chosen = alive[decisions == decision]
            ended[decision] += float(mass[chosen].sum())
            mass[chosen] = 0.0
        if not mass.any():
            break
    return StoppingOutcome(
        ended[Decision.ACCEPT], ended[Decision.STOP], float(mass.sum()), expected
    )


def boundary_rule(eprocess: EProcess, n_max: int, futility: Futility | None = None) -> StoppingRule:
    """The rule that certification follows: accept, give up when futile, or when it cannot accept.

    It gives up where the remaining votes up to n_max could not suffice even if unanimous. Its
    boundaries are computed once, for every number of trials up to n_max.
    """
    trials = np.arange(n_max + 1)
    least = eprocess.boundary(trials)
    # The final boundary in failures: more of them than this can never be made good.
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


def _vote(mass: Floats, trials: int, p: float) -> None:
    """One more vote, in place: mass[h] becomes P(still running with h successes of trials)."""
    gained = mass[:trials] * p
    mass[:trials] *= 1.0 - p
    mass[1 : trials + 1] += gained

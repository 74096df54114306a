"""Every rule in every cell, by the exact dynamic program and by laws of binomials."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.suite.benchmark import Line
from benchmarks.votes.rules import (
    HABIT,
    HABITUAL,
    LOOKS,
    OURS,
    RIVALS,
    SEQUENTIAL,
    SHARES,
    Cell,
    Rival,
    accepting,
    looks,
)
from benchmarks.votes.streams import gamble
from gsmooth.theory.bounds import clopper_pearson_upper, least_successes
from gsmooth.theory.exact import StoppingOutcome, exact_outcome

STAGES: Final = (100, 1000, 10_000, 120_000)
GIVE_UP: Final = 0.0001
"""Level of all tests together by which a stage gives up."""


def staged(cell: Cell, stages: tuple[int, ...] = STAGES) -> StoppingOutcome:
    """What Horvath et al. (2022) do, exactly: stages are independent.

    A stage accepts where Clopper-Pearson at alpha / stages exceeds the share, and all but the last
    give up where the upper bound at GIVE_UP / (stages - 1) is below it. Votes that choose the class
    anew at each stage are not counted.
    """
    accept = stop = expected = 0.0
    running = 1.0
    for place, n in enumerate(stages):
        expected += running * n
        least = least_successes(cell.share, n, cell.alpha / len(stages))
        if least is not None:
            accept += running * at_least(least, n, cell.p)
        last = place == len(stages) - 1
        hopeless = -1 if last else _most_hopeless(cell.share, n, GIVE_UP / (len(stages) - 1))
        stop += running * (1.0 - at_least(hopeless + 1, n, cell.p))
        reached = n + 1 if least is None else least
        running *= at_least(hopeless + 1, n, cell.p) - at_least(reached, n, cell.p)
    return StoppingOutcome(accept, stop, running, expected)


def at_least(count: int, n: int, p: float) -> float:
    """P(Bin(n, p) >= count)."""
    if count <= 0:
        return 1.0
    return 0.0 if count > n else float(special.betainc(count, n - count + 1, p))


def _most_hopeless(share: float, n: int, level: float) -> int:
    """The largest number of successes whose upper bound is below the share; -1 if none is."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        if clopper_pearson_upper(middle, n, level) < share:
            low = middle
        else:
            high = middle
    return low


CHUNK: Final = 64
NEGLIGIBLE: Final = 1e-16


def as_soon_as_they_could_suffice(cell: Cell, least: NDArray[np.int64]) -> dict[str, float]:
    """With h of n votes won, the next look is after the fewest votes that could all be won and
    then suffice, and after CHUNK at the latest.

    least: the boundary of a rule, of 0..n_max votes. The number of votes is that of a look at every
    vote, for none of the looks left out could have accepted.

    Returns:
        Expected votes, and expected rounds that they are cast in one after the other.
    """
    n_max = len(least) - 1
    chances = {gap: _binomial(gap, cell.p) for gap in range(1, CHUNK + 1)}
    waiting = {0: np.ones(1)}
    votes = rounds = 0.0
    while waiting:
        n = min(waiting)
        mass = waiting.pop(n)
        mass[least[n] :] = 0.0
        ahead = min(CHUNK, n_max - n)
        alive = np.flatnonzero(mass > NEGLIGIBLE)
        if ahead == 0 or not len(alive):
            continue
        gaps = np.arange(1, ahead + 1)
        # Wins needed of the votes so far if all of the next 1, 2, ... are won: never increasing.
        asked = least[n + gaps] - gaps
        step = np.minimum(np.searchsorted(-asked, -alive), ahead - 1) + 1
        for gap in np.unique(step).tolist():
            chosen = alive[step == gap]
            first, part = int(chosen[0]), mass[chosen[0] : chosen[-1] + 1]
            chance = float(part.sum())
            votes, rounds = votes + gap * chance, rounds + chance
            after = waiting.setdefault(n + gap, np.zeros(n + gap + 1))
            after[first : first + len(part) + gap] += np.convolve(part, chances[gap])
    return {"votes": votes, "rounds": rounds}


def _binomial(n: int, p: float) -> NDArray[np.float64]:
    won = np.arange(n + 1)
    return np.asarray(special.comb(n, won) * p**won * (1.0 - p) ** (n - won))


RUNS: Final = 1000
"""Simulated runs of the gambler."""
LONGEST: Final = 30_000
"""Cells with a longer horizon are left to the rules that look after every vote."""
TESTED: Final = 5000
"""Votes over which type-1 errors are computed, but for the fixed number."""
EVERY_VOTE, *CHUNKED = LOOKS


def compare_in(cell: Cell, runs: int = RUNS) -> Line:
    """All rules in one cell.

    every_vote: expected votes by rule, looking after each (the habit: its fixed n). undecided: P(no
    decision by ``horizon``), in which case a run is counted as that long. looks: expected votes by
    looks and rule. rounds: of ours, looking as soon as votes could suffice. staged: expected votes
    and P(accept). gambler: simulated mean, standard error, P(accept).
    """
    n_max, short = cell.horizon, cell.horizon <= LONGEST
    least = {rule.name: rule.boundary(cell, n_max) for rule in SEQUENTIAL}

    def outcomes(name: str) -> dict[str, StoppingOutcome]:
        every = looks(name, n_max)
        return {r: exact_outcome(accepting(b), cell.p, n_max, every) for r, b in least.items()}

    every_vote = outcomes(EVERY_VOTE)
    every_vote[HABITUAL.name] = outcome(HABITUAL, cell, cell.p, HABIT, HABIT)
    by_stages = staged(cell)
    return {
        **asdict(cell),
        "horizon": n_max,
        "every_vote": _expected(every_vote),
        "undecided": {rule: found.exhausted for rule, found in every_vote.items()},
        "looks": {name: _expected(outcomes(name)) for name in CHUNKED},
        "rounds": as_soon_as_they_could_suffice(cell, least[OURS.name]) if short else None,
        "staged": {"trials": by_stages.expected_trials, "accepted": by_stages.accept},
        "gambler": gamble(cell, runs, n_max) if short else None,
    }


def over(cell: Line, rule: Rival) -> float:
    """Our expected votes over those of a rule."""
    return float(cell["every_vote"][OURS.name] / cell["every_vote"][rule.name])


def beats(cell: Line, name: str) -> bool:
    """Whether a rule needs fewer votes than ours, by more than rounding."""
    votes = cell["every_vote"]
    return bool(votes[name] < votes[OURS.name] * (1.0 - 1e-9))


def _expected(outcomes: dict[str, StoppingOutcome]) -> dict[str, float]:
    return {name: found.expected_trials for name, found in outcomes.items()}


def outcome(
    rule: Rival, cell: Cell, p: float, n_max: int, look_every: int | list[int]
) -> StoppingOutcome:
    """``rule`` for this cell's share and level, on votes of chance p."""
    return exact_outcome(accepting(rule.boundary(cell, n_max)), p, n_max, look_every)


def type_one(alpha: float) -> list[dict[str, Any]]:
    """P(accept) at p = share over alpha: for every share, rule and looks. Power-one rules only.

    The oracle is that of p halfway between the share and 1.
    """
    found = []
    for share in SHARES:
        cell = Cell(0.5 * (1.0 + share), share, alpha)
        row: dict[str, Any] = {"share": share, "alpha": alpha, "n_max": TESTED}
        for rule in RIVALS:
            n_max, every = (HABIT, HABIT) if rule is HABITUAL else (TESTED, 1)
            row[rule.name] = outcome(rule, cell, share, n_max, every).accept / alpha
        row["staged"] = staged(Cell(share, share, alpha)).accept / alpha
        for name in CHUNKED:
            chunked = outcome(OURS, cell, share, TESTED, looks(name, TESTED))
            row[f"{OURS.name}, {name}"] = chunked.accept / alpha
        found.append(row)
    return found

"""Every rule in every cell, by the exact dynamic program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.votes.cells import LOOKS, SHARES, Cell, cells, looks
from benchmarks.votes.gambler import gamble
from benchmarks.votes.rivals import (
    BETTING,
    HABIT,
    HABITUAL,
    OURS,
    RIVALS,
    SEQUENTIAL,
    SPRT,
    Rival,
    accepting,
)
from benchmarks.votes.rounds import as_soon_as_they_could_suffice
from benchmarks.votes.staged import staged
from gsmooth.theory import StoppingOutcome, exact_outcome

RUNS: Final = 1000
"""Simulated runs of the gambler."""
LONGEST: Final = 30_000
"""Cells with a longer horizon are left to the rules that look after every vote."""
TESTED: Final = 5000
"""Votes over which type-1 errors are computed, but for the fixed number."""


@dataclass(frozen=True)
class Compared:
    """One cell. every_vote: expected votes by rule, looking after each (the habit: its fixed n).

    undecided: P(no decision by ``horizon``), in which case a run is counted as that long; looks:
    expected votes by rule and looks; rounds: of ours, looking as soon as votes could suffice;
    staged: expected votes and P(accept); gambler: simulated mean, standard error, P(accept).
    """

    p: float
    share: float
    alpha: float
    horizon: int
    every_vote: dict[str, float]
    undecided: dict[str, float]
    looks: dict[str, dict[str, float]]
    rounds: dict[str, float] | None
    staged: dict[str, float]
    gambler: dict[str, float] | None

    @property
    def over_oracle(self) -> float:
        """Our expected votes over the oracle's."""
        return self.every_vote[OURS.name] / self.every_vote[SPRT.name]

    @property
    def over_betting(self) -> float:
        """Our expected votes over the bettor's."""
        return self.every_vote[OURS.name] / self.every_vote[BETTING.name]


def compare(alpha: float) -> Iterator[Compared]:
    """Every cell at this level."""
    return (compare_in(cell) for cell in cells(alpha))


def compare_in(cell: Cell, runs: int = RUNS) -> Compared:
    """All rules in one cell."""
    n_max, short = cell.horizon, cell.horizon <= LONGEST
    least = {rule.name: rule.boundary(cell, n_max) for rule in SEQUENTIAL}
    outcomes = {
        name: {
            rule: exact_outcome(accepting(boundary), cell.p, n_max, looks(name, n_max))
            for rule, boundary in least.items()
        }
        for name in LOOKS
    }
    every_vote, *chunked = LOOKS
    fixed = outcome(HABITUAL, cell, cell.p, HABIT, HABIT)
    by_stages = staged(cell)
    simulated = gamble(cell, runs, n_max) if short else None
    rounds = as_soon_as_they_could_suffice(cell, least[OURS.name]) if short else None
    return Compared(
        cell.p,
        cell.share,
        cell.alpha,
        n_max,
        {**_votes(outcomes[every_vote]), HABITUAL.name: fixed.expected_trials},
        {**_undecided(outcomes[every_vote]), HABITUAL.name: fixed.exhausted},
        {name: _votes(outcomes[name]) for name in chunked},
        None if rounds is None else asdict(rounds),
        {"trials": by_stages.expected_trials, "accepted": by_stages.accept},
        None if simulated is None else asdict(simulated),
    )


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
        for name in list(LOOKS)[1:]:
            chunked = outcome(OURS, cell, share, TESTED, looks(name, TESTED))
            row[f"{OURS.name}, {name}"] = chunked.accept / alpha
        found.append(row)
    return found


def _votes(outcomes: dict[str, StoppingOutcome]) -> dict[str, float]:
    return {name: found.expected_trials for name, found in outcomes.items()}


def _undecided(outcomes: dict[str, StoppingOutcome]) -> dict[str, float]:
    return {name: found.exhausted for name, found in outcomes.items()}

"""How many votes it takes to show that a class has more than a share of them, rule by rule."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from benchmarks.suite.benchmark import Facts, Line, Page
from benchmarks.suite.table import table
from benchmarks.votes.rules import (
    BETTING,
    HABIT,
    HABITUAL,
    OURS,
    RIVALS,
    SEQUENTIAL,
    SPRT,
    Cell,
    Rival,
    accepting,
    cells,
)
from benchmarks.votes.rules import SHARES as TESTED_SHARES
from benchmarks.votes.streams import NETWORKS, SHARES, replay, streams
from gsmooth.theory.exact import StoppingOutcome, exact_outcome

TARGET: Final = 1.25
"""Expected votes over the oracle's that we mean to stay within."""
TESTED: Final = 5000
"""Votes over which type-1 errors are computed, but for the fixed number."""
OTHERS: Final = [rule.name for rule in SEQUENTIAL if rule not in (SPRT, OURS)]


def votes(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """Every cell; type-1 errors, and votes of the shipped networks, are in ``facts``."""
    facts["target"] = TARGET
    facts["type_one_over_alpha"] = [found for alpha in options.alpha for found in type_one(alpha)]
    facts["networks"] = {"images": options.images, "votes": options.votes}
    facts["replays"] = list(replayed(options))
    facts |= {"worst_over_oracle": {}, "losses": []}
    for cell in (cell for alpha in options.alpha for cell in cells(alpha)):
        found = compare_in(cell)
        worst, alpha = facts["worst_over_oracle"], f"{cell.alpha:g}"
        worst[alpha] = max(over(found, SPRT), worst.get(alpha, 0.0))
        facts["losses"] += losses(found)
        yield found


def replayed(options: argparse.Namespace) -> Iterator[Line]:
    """All rules on the votes of the shipped networks, at the first alpha; none for no images."""
    for network in NETWORKS if options.images else ():
        votes = streams(network, options.images, options.votes, 5 * options.images)
        for share in SHARES:
            yield from replay(network, votes, share, options.alpha[0])


def losses(cell: Line) -> Iterator[Line]:
    """Whether a cell is above the target, and which rules need fewer votes than ours."""
    where = {name: cell[name] for name in ("alpha", "p", "share")}
    if over(cell, SPRT) > TARGET:
        yield {**where, "over_oracle": over(cell, SPRT)}
    for name in cell["every_vote"]:
        if not name.startswith("oracle") and beats(cell, name):
            yield {**where, "to": name}


def compare_in(cell: Cell) -> Line:
    """All rules in one cell.

    every_vote: expected votes by rule, looking after each (the habit: its fixed n). undecided: P(no
    decision by ``horizon``), in which case a run is counted as that long.
    """
    n_max = cell.horizon
    found = {rule.name: outcome(rule, cell, cell.p, n_max, 1) for rule in SEQUENTIAL}
    found[HABITUAL.name] = outcome(HABITUAL, cell, cell.p, HABIT, HABIT)
    return {
        **asdict(cell),
        "horizon": n_max,
        "every_vote": {name: run.expected_trials for name, run in found.items()},
        "undecided": {name: run.exhausted for name, run in found.items()},
    }


def over(cell: Line, rule: Rival) -> float:
    """Our expected votes over those of a rule."""
    return float(cell["every_vote"][OURS.name] / cell["every_vote"][rule.name])


def beats(cell: Line, name: str) -> bool:
    """Whether a rule needs fewer votes than ours, by more than rounding."""
    votes = cell["every_vote"]
    return bool(votes[name] < votes[OURS.name] * (1.0 - 1e-9))


def outcome(rule: Rival, cell: Cell, p: float, n_max: int, look_every: int) -> StoppingOutcome:
    """``rule`` for this cell's share and level, on votes of chance p."""
    return exact_outcome(accepting(rule.boundary(cell, n_max)), p, n_max, look_every)


def type_one(alpha: float) -> Iterator[Line]:
    """P(accept) at p = share over alpha: for every share and rule. Power-one rules only.

    The oracle is that of p halfway between the share and 1.
    """
    for share in TESTED_SHARES:
        cell = Cell(0.5 * (1.0 + share), share, alpha)
        row: Line = {"share": share, "alpha": alpha, "n_max": TESTED}
        for rule in RIVALS:
            n_max, every = (HABIT, HABIT) if rule is HABITUAL else (TESTED, 1)
            row[rule.name] = outcome(rule, cell, share, n_max, every).accept / alpha
        yield row


def votes_page(page: Page, found: Facts) -> str:
    """All tables; what we lose is in bold."""
    cells = [page_line(cell) for cell in found["cells"]]
    shares = f"## P(accept) at p = share within {TESTED:,} votes (fixed: all), over alpha"
    parts = [
        *heading(page.legend, found["cells"]),
        "## Expected votes, looking after every vote",
        table("votes", cells),
        shares,
        table("errors", map(bold_errors, found["type_one_over_alpha"])),
    ]
    if found["replays"]:
        lines = [
            {**e, "bold": ["more than ours"][e["deviation"] >= 0.0 :]} for e in found["replays"]
        ]
        parts += [REPLAYED, table("replays", lines)]
    return "\n\n".join(parts) + "\n"


def heading(legend: str, compared: Sequence[Line]) -> Iterator[str]:
    """What it is about, the rules, and the worst cells of every level."""
    undecided = max(cell["undecided"][rule.name] for cell in compared for rule in SEQUENTIAL)
    yield legend.format(target=TARGET, undecided=f"{undecided:.1g}").strip()
    yield "\n".join(f"- {rule.name}: {rule.source}" for rule in RIVALS)
    for alpha in sorted({cell["alpha"] for cell in compared}):
        part = [cell for cell in compared if cell["alpha"] == alpha]
        oracle, betting = ([over(cell, rule) for cell in part] for rule in (SPRT, BETTING))
        missed = sum(ratio > TARGET for ratio in oracle)
        yield (
            f"alpha = {alpha:g}, {len(part)} cells: votes over the oracle's {spread(oracle)};"
            f" {missed} above {TARGET}. Over the bettor's {spread(betting)}."
        )


def spread(ratios: Sequence[float]) -> str:
    """Min, median and max."""
    middle = statistics.median(ratios)
    return f"{min(ratios):.3f} / {middle:.3f} / {max(ratios):.3f} (min / median / max)"


def page_line(cell: Line) -> Line:
    """A cell with our ratio to the oracle, and what of it is bold."""
    ratio = over(cell, SPRT)
    lost = {"ratio": ratio > TARGET, **{name: beats(cell, name) for name in OTHERS}}
    return {**cell, "ratio": ratio, "bold": [name for name, loses in lost.items() if loses]}


def bold_errors(errors: Line) -> Line:
    """Type-1 errors over alpha, of one share; above 1 in bold."""
    above = [rule.name for rule in RIVALS if errors[rule.name] > 1.0 + 1e-9]
    return {**errors, "bold": above}


REPLAYED: Final = """\
## Votes of the shipped networks

At the clean centres of the held-out digits that a few other votes found least certain, looking\
 after every vote. A stream in which nothing is shown counts with all its votes."""

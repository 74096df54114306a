"""How many votes it takes to show that a class has more than a share of them, rule by rule."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.suite.benchmark import Facts, Line, Page
from benchmarks.suite.table import marked, rows, table
from benchmarks.votes.exact import CHUNKED, STAGES, TESTED, beats, compare_in, over, type_one
from benchmarks.votes.rules import BETTING, OURS, RIVALS, SEQUENTIAL, SPRT, cells
from benchmarks.votes.streams import NETWORKS, SHARES, replay, streams

TARGET: Final = 1.25
"""Expected votes over the oracle's that we mean to stay within."""
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


def votes_page(page: Page, found: Facts) -> str:
    """All tables; what we lose is in bold."""
    cells = [page_line(cell) for cell in found["cells"]]
    shares = f"## P(accept) at p = share within {TESTED:,} votes (fixed, staged: all), over alpha"
    parts = [
        *heading(page.legend, found["cells"]),
        "## Expected votes, looking after every vote",
        table("votes", cells),
        "## What looking less often costs",
        table("looks", cells),
        shares,
        error_table(found["type_one_over_alpha"]),
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
    sources = {rule.name: rule.source for rule in RIVALS}
    sources["gambler"] = "aGRAPA, Waudby-Smith and Ramdas 2024"
    stages = ", ".join(map(str, STAGES))
    sources["staged"] = f"{stages} fresh votes, Horvath et al. 2022 (% accepted)"
    yield "\n".join(f"- {name}: {source}" for name, source in sources.items())
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
    """A cell with the ratios and texts of its two rows, and which of them are bold."""
    ours, oracle = (cell["every_vote"][rule.name] for rule in (OURS, SPRT))
    looks = {name: cell["looks"][name][OURS.name] for name in CHUNKED}
    staged, gambler = cell["staged"], cell["gambler"] or {"mean_trials": None, "error": 0.0}
    mean, error = gambler["mean_trials"], gambler["error"]
    lost = {
        "ratio": ours / oracle > TARGET,
        **{name: beats(cell, name) for name in OTHERS},
        "staged": staged["trials"] < ours,
        "gambler": mean is not None and mean + 2.0 * error < ours,
    }
    fewer = "" if staged["accepted"] > 0.9995 else f" ({100 * staged['accepted']:.0f}%)"
    ratios = {name: f"{votes / oracle:.2f}" for name, votes in looks.items()}
    return {
        **cell,
        "ratio": ours / oracle,
        "gambler": "-" if mean is None else f"{mean:,.0f} ±{error:,.1f}",
        "staged": f"{staged['trials']:,.0f}{fewer}",
        "rounds": cell["rounds"] or {"votes": None, "rounds": None},
        "looked": {
            name: f"{votes:,.1f}, {marked(ratios[name], votes / oracle > TARGET)}"
            for name, votes in looks.items()
        },
        "over_every": looks["every 64"] / ours,
        "bold": [name for name, loses in lost.items() if loses],
    }


def error_table(errors: Sequence[Line]) -> str:
    """Type-1 errors over alpha; above 1 in bold."""
    names = [name for name in errors[0] if name not in ("share", "alpha", "n_max")]
    lines = (
        [
            *(f"{found[name]:g}" for name in ("alpha", "share")),
            *(marked(f"{found[name]:.3f}", found[name] > 1.0 + 1e-9) for name in names),
        ]
        for found in errors
    )
    return rows(["alpha", "share", *names], lines)


REPLAYED: Final = """\
## Votes of the shipped networks

At the clean centres of the held-out digits that a few other votes found least certain, looking\
 after every vote. A stream in which nothing is shown counts with all its votes."""

"""The Markdown of the votes benchmark; what we lose is in bold."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from benchmarks.votes.cells import LOOKS
from benchmarks.votes.compare import TESTED, Compared
from benchmarks.votes.replay import Replay
from benchmarks.votes.rivals import HABITUAL, OURS, RIVALS, SEQUENTIAL, SPRT
from benchmarks.votes.staged import STAGES

TARGET: Final = 1.25
"""Expected votes over the oracle's that we mean to stay within."""
SOON: Final = "as soon as they could suffice"


def report(
    compared: Sequence[Compared], errors: Sequence[dict[str, Any]], replays: Sequence[Replay]
) -> str:
    """All tables."""
    return "\n".join(
        [
            *heading(compared),
            "",
            "## Expected votes, looking after every vote",
            "",
            *votes_table(compared),
            "",
            "## What looking less often costs",
            "",
            *looks_table(compared),
            "",
            f"## P(accept) at p = share within {TESTED:,} votes (fixed, staged: all), over alpha",
            "",
            *error_table(errors),
            *replay_table(replays),
            "",
        ]
    )


def heading(compared: Sequence[Compared]) -> Iterator[str]:
    """What it is about, and the worst cells."""
    yield "# Votes until p > share is shown"
    yield ""
    undecided = max(cell.undecided[rule.name] for cell in compared for rule in SEQUENTIAL)
    yield (
        "Expected votes by exact dynamic programming, but for the gambler (simulated, standard"
        " error behind it) and the votes of networks. Every rule's level is alpha, that of wrongly"
        " accepting. In bold: rules that need fewer votes than ours, and ratios to the oracle"
        f" above {TARGET}. No rule that looks after every vote is undecided at the end of the"
        f" program with a probability above {undecided:.1g}."
    )
    yield ""
    for rule in RIVALS:
        yield f"- {rule.name}: {rule.source}"
    yield "- gambler: aGRAPA, Waudby-Smith and Ramdas 2024"
    yield f"- staged: {', '.join(map(str, STAGES))} fresh votes, Horvath et al. 2022 (% accepted)"
    for alpha in sorted({cell.alpha for cell in compared}):
        part = [cell for cell in compared if cell.alpha == alpha]
        oracle = [cell.over_oracle for cell in part]
        betting = [cell.over_betting for cell in part]
        missed = sum(ratio > TARGET for ratio in oracle)
        yield ""
        yield (
            f"alpha = {alpha:g}, {len(part)} cells: votes over the oracle's {spread(oracle)};"
            f" {missed} above {TARGET}. Over the bettor's {spread(betting)}."
        )


def spread(ratios: Sequence[float]) -> str:
    """Min, median and max."""
    middle = statistics.median(ratios)
    return f"{min(ratios):.3f} / {middle:.3f} / {max(ratios):.3f} (min / median / max)"


def votes_table(compared: Iterable[Compared]) -> Iterator[str]:
    """A row for every cell."""
    others = [rule.name for rule in SEQUENTIAL if rule not in (SPRT, OURS)]
    yield row(
        "alpha", "p", "share", SPRT.name, OURS.name, "ratio", *others, "gambler", "staged", "fixed"
    )
    yield "|" + "---|" * (9 + len(others))
    for cell in compared:
        mine = cell.every_vote[OURS.name]
        yield row(
            f"{cell.alpha:g}",
            f"{cell.p:g}",
            f"{cell.share:g}",
            f"{cell.every_vote[SPRT.name]:,.1f}",
            f"{mine:,.1f}",
            marked(f"{cell.over_oracle:.3f}", cell.over_oracle > TARGET),
            *(marked(f"{cell.every_vote[name]:,.1f}", beats(cell, name)) for name in others),
            _gambler(cell, mine),
            _staged(cell, mine),
            f"{cell.every_vote[HABITUAL.name]:,.0f}",
        )


def beats(cell: Compared, name: str) -> bool:
    """Whether a rule needs fewer votes than ours, by more than rounding."""
    return cell.every_vote[name] < cell.every_vote[OURS.name] * (1.0 - 1e-9)


def looks_table(compared: Iterable[Compared]) -> Iterator[str]:
    """Ours over the oracle that looks after every vote, by looks; rounds of the adaptive ones."""
    chunked = list(LOOKS)[1:]
    yield row("alpha", "p", "share", "every vote", SOON, "its rounds", *chunked, "64 over every")
    yield "|" + "---|" * (7 + len(chunked))
    for cell in compared:
        mine, oracle = cell.every_vote[OURS.name], cell.every_vote[SPRT.name]
        by_looks = [cell.looks[name][OURS.name] for name in chunked]
        soon = cell.rounds or {}
        yield row(
            f"{cell.alpha:g}",
            f"{cell.p:g}",
            f"{cell.share:g}",
            f"{mine:,.1f}",
            f"{soon['votes']:,.1f}" if soon else "-",
            f"{soon['rounds']:.1f}" if soon else "-",
            *(f"{v:,.1f}, {marked(f'{v / oracle:.2f}', v > TARGET * oracle)}" for v in by_looks),
            f"{cell.looks['every 64'][OURS.name] / mine:.2f}",
        )


def error_table(errors: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Type-1 errors over alpha; above 1 in bold."""
    names = [name for name in errors[0] if name not in ("share", "alpha", "n_max")]
    yield row("alpha", "share", *names)
    yield "|" + "---|" * (2 + len(names))
    for found in errors:
        yield row(
            f"{found['alpha']:g}",
            f"{found['share']:g}",
            *(marked(f"{found[name]:.3f}", found[name] > 1.0 + 1e-9) for name in names),
        )


def replay_table(replays: Sequence[Replay]) -> Iterator[str]:
    """Mean votes of the rules on the same streams."""
    if not replays:
        return
    yield from (
        "",
        "## Votes of the shipped networks",
        "",
        "At the clean centres of the held-out digits that a few other votes found least certain,"
        " looking after every vote. A stream in which nothing is shown counts with all its votes.",
        "",
    )
    yield row("network", "share", "rule", "shown for", "mean votes", "more than ours")
    yield "|" + "---|" * 6
    for found in replays:
        yield row(
            found.network,
            f"{found.share:g}",
            found.rule,
            f"{100 * found.accepted:.0f}%",
            f"{found.trials:,.1f}",
            marked(f"{found.deviation:+,.1f}", found.deviation < 0.0),
        )


def marked(text: str, loss: bool) -> str:
    """Bold where we lose."""
    return f"**{text}**" if loss else text


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def _gambler(cell: Compared, mine: float) -> str:
    if cell.gambler is None:
        return "-"
    mean, error = cell.gambler["mean_trials"], cell.gambler["error"]
    return marked(f"{mean:,.0f} ±{error:,.1f}", mean + 2.0 * error < mine)


def _staged(cell: Compared, mine: float) -> str:
    trials, accepted = cell.staged["trials"], cell.staged["accepted"]
    shown = "" if accepted > 0.9995 else f" ({100 * accepted:.0f}%)"
    return marked(f"{trials:,.0f}{shown}", trials < mine)

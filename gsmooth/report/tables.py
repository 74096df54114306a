"""Printed tables of summaries, with one column for each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gsmooth.report.share import Share
from gsmooth.report.summary import Summary, summarize
from gsmooth.text.display import plain
from gsmooth.text.rounding import text_up

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Share", "Summary", "render", "summarize"]

_NONE = "not measured"
_MEANINGS = {
    "individual": "individual: proved of this image",
    "distributional": "distributional: proved where the premise holds",
    "heuristic": (
        "heuristic: rests on something unproved (gsmooth plugins NAME lists what is not claimed)"
    ),
    "online": "online: proved of every original that the image can have come from",
}
_REASONS = {
    "futile": "futile: votes showed that a centre will not reach the share it needs",
    "budget": "budget: a centre needs more votes than are allowed (certify.max_votes, or n)",
    "unreachable": (
        "unreachable: a centre needs a share of 1, which no number of votes shows; use more noise,"
        " a smaller region, more low-pass or more centres"
    ),
    "impossible": "impossible: no original in the region can have become this image",
}


def render(*summaries: Summary) -> Table:
    """Build a table of accuracies, abstentions, votes and guarantees, one column for each run."""
    from rich.table import Table

    table = Table(caption=_legend(summaries), caption_justify="left", highlight=False)
    table.add_column("")
    columns = [dict(_lines(summary)) for summary in summaries]
    # The longest column has all lines of the others, in their order.
    labels = dict.fromkeys(label for c in sorted(columns, key=len, reverse=True) for label in c)
    for summary in summaries:
        table.add_column(plain(summary.name), justify="right")
    for label in labels:
        table.add_row(label, *(plain(column.get(label, "")) for column in columns))
    return table


def _legend(summaries: Sequence[Summary]) -> str:
    """Explain the words of the table: guarantees in one line, reasons for abstention in another."""
    kinds = sorted({kind for summary in summaries for kind in summary.guarantees})
    told = "; ".join(_MEANINGS.get(kind, kind) for kind in kinds)
    lines = [f"In every accuracy an abstention counts as wrong. {told}."]
    reasons = {reason for summary in summaries for reason in summary.abstentions}
    if named := [what for reason, what in _REASONS.items() if reason in reasons]:
        lines.append(f"{'; '.join(named)}.")
    return "\n".join(lines)


def _lines(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "region", summary.region
    unfinished = summary.planned is not None and summary.images < summary.planned
    yield "images", f"{summary.images} of {summary.planned}" if unfinished else str(summary.images)
    if summary.prepared:
        yield "certified are images", summary.prepared
    yield from _accuracies(summary)
    for fraction, share in summary.certified_at:
        if fraction < 1.0:
            yield f"certified on {fraction:.0%} of the region", _text(share)
    if summary.searches:
        yield "attacked by", summary.searches
    yield "abstentions", _counts(summary.abstentions) or "none"
    yield "votes an image", f"{summary.votes:,.0f}"
    if summary.attack_forwards is not None:
        yield "attack forwards an image", f"{summary.attack_forwards:,.0f}"
    yield "certification time", f"{summary.seconds:,.1f} s"
    yield "guarantee", _guarantee(summary)
    if summary.premises:
        yield "premise", "; ".join(summary.premises)
    yield "alpha (an image)", text_up(summary.alpha)
    if summary.decided:
        yield "decided by", summary.decided


def _accuracies(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.online:
        yield "accuracy of f as attacked", _text(summary.clean)
        yield "accuracy of g as attacked", _text(summary.standard)
        yield "certified of every original", _text(summary.certified)
        return
    yield "clean accuracy of f", _text(summary.clean)
    yield "standard accuracy of g", _text(summary.standard)
    yield "certified accuracy", _text(summary.certified)
    yield "accuracy under attack", _text(summary.attacked)


def _text(share: Share | None) -> str:
    return _NONE if share is None else str(share)


def _guarantee(summary: Summary) -> str:
    kinds = summary.guarantees
    return next(iter(kinds)) if len(kinds) == 1 else _counts(kinds)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())

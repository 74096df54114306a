"""The plan of a run, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.boundaries.host_memory import size
from gsmooth.certification.feasibility import MORE_THAN_VOTES
from gsmooth.runs.cost.forecast import Span, duration
from gsmooth.text.rounding import text_down

if TYPE_CHECKING:
    from rich.table import Table

    from gsmooth.runs.cost.plan import Plan

_FUNCTION = {
    "exact": "a function of its input, bit by bit",
    "rounding": "a function of its input; scores differ in their last digits between batches",
    "batch_dependent": "a function of its input at one batch size only",
}


def plan_table(plan: Plan) -> Table:
    """Two columns: what, and how much."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in _lines(plan):
        table.add_row(name, value)
    return table


def plan_document(plan: Plan) -> dict[str, object]:
    """For ``--json``: seconds, votes and bytes as numbers."""
    function = plan.function
    return {
        "images": plan.images,
        "todo": plan.todo,
        "device": plan.device,
        "batch_size": plan.pace.batch_size,
        "in_flight": plan.in_flight,
        "function": None if function is None else function.kind,
        "fixed_batch": plan.fixed_batch,
        "votes_per_second": plan.pace.votes_per_second,
        "tried": [
            {
                "index": t.index,
                "votes": t.votes,
                "most": t.most,
                "certified": t.certified,
                "unreachable": t.unreachable,
            }
            for t in plan.tried
        ],
        "votes_an_image": _numbers(plan.votes_an_image),
        "votes": _numbers(plan.votes),
        "attack_votes_an_image": plan.forwards,
        "cover_seconds_an_image": plan.cover_s,
        "attack_seconds_an_image": plan.attack_s,
        "seconds": _numbers(plan.seconds),
        "batch_bytes": plan.batch_bytes,
        "host_bytes": plan.host_bytes,
        "device_bytes": plan.device_bytes,
        "largest_l2": plan.l2,
    }


def _lines(plan: Plan) -> list[tuple[str, str]]:
    pace, certified = plan.pace, [t.certified for t in plan.tried if t.certified is not None]
    tried = f"{len(plan.tried)} image{'s' if len(plan.tried) > 1 else ''}"
    batches = f"batches of {pace.batch_size}{', fixed' if plan.fixed_batch else ''}"
    flying = "as many images at once as fill one"
    if plan.in_flight != "auto":
        flying = f"{plan.in_flight} images at once"
    lines = [("engine", f"{plan.device}; {batches}; {flying}")]
    if plan.function is not None:
        lines.append(("model", _FUNCTION[plan.function.kind]))
    lines.append(("votes a second", f"{pace.votes_per_second:,.0f}, measured"))
    if not plan.todo:
        return [*lines, ("to do", "nothing: all images are recorded already")]
    if certified:
        how = f"tried on {tried} under another seed; {sum(certified)} certified"
    elif all(t.voting_s == 0.0 for t in plan.tried):
        how = f"at most, fixed in advance; covers drawn of {tried}"
    else:
        how = "tried on one image, which ran out of time"
    if hopeless := sum(t.unreachable for t in plan.tried):
        lines.append(("unreachable", f"{hopeless} of {tried}: {MORE_THAN_VOTES}"))
    lines.append(("votes an image", f"{_votes(plan.votes_an_image)} ({how})"))
    lines.append(("votes in all", _votes(plan.votes)))
    if plan.forwards:
        lines.append(("the adversary's", f"{plan.forwards:,} votes an image"))
    votes_s = plan.votes_an_image.mean / pace.votes_per_second
    each = f"cover and tests {_short(plan.cover_s)}, votes {_short(votes_s)}"
    if plan.forwards:
        each += f", adversary {_short(plan.attack_s)}"
    lines.append(("time an image", each))
    lines.append(("time in all", f"{plan.seconds.spoken()}, a forecast"))
    lines.append(("memory", _memory(plan)))
    if plan.l2 is not None:
        lines.append(
            ("largest l2", f"{text_down(plan.l2, 3)}: what n votes that all agree can show")
        )
    return lines


def _memory(plan: Plan) -> str:
    context = [] if plan.host_bytes is None else [f"{size(plan.host_bytes)} so far, at most"]
    if plan.device_bytes:
        context.append(f"{size(plan.device_bytes)} of tensors on the device")
    return "; ".join([*context, f"a batch takes {size(plan.batch_bytes)}"])


def _votes(span: Span) -> str:
    if span.low == span.high:
        return f"{span.mean:,.0f}"
    return f"about {span.mean:,.0f}, {span.low:,.0f} to {span.high:,.0f}"


def _short(seconds: float) -> str:
    return f"{1000.0 * seconds:.0f} ms" if seconds < 1.0 else duration(seconds)


def _numbers(span: Span) -> dict[str, float]:
    return {"low": span.low, "mean": span.mean, "high": span.high}

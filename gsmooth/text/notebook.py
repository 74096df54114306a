"""Tables for notebooks: what an object says of itself, as escaped HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from gsmooth.text.display import shortened

_LONGEST = 200
"""Characters of a cell."""
_CLASSES = 10
"""Classes in a table of votes, at most."""


def facts_html(title: str, facts: Mapping[str, object]) -> str:
    """A title and a table with a line for each fact; facts that are None or "" are left out.

    Args:
        title: What the object is.
        facts: Values by name.

    Example:
        >>> facts_html("Region <a>", {"l2": 0.5, "bits": None})
        '<p><b>Region &lt;a&gt;</b></p><table><tr><th>l2</th><td>0.5</td></tr></table>'
    """
    lines = "".join(
        f"<tr><th>{_escaped(name)}</th><td>{_escaped(value)}</td></tr>"
        for name, value in facts.items()
        if value is not None and value != ""
    )
    return f"<p><b>{_escaped(title)}</b></p><table>{lines}</table>"


def table_html(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A title and a table with a head.

    Args:
        title: What the object is.
        columns: Names of the columns.
        rows: A cell for each column.
    """
    head = "".join(f"<th>{_escaped(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_escaped(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<p><b>{_escaped(title)}</b></p><table><tr>{head}</tr>{body}</table>"


def votes_html(title: str, counts: Sequence[int]) -> str:
    """A title and the votes of the classes that had most.

    Args:
        title: What was answered.
        counts: Votes by class; the last number counts ties.
    """
    *votes, ties = counts
    order = sorted(range(len(votes)), key=lambda label: (-votes[label], label))[:_CLASSES]
    rows = [(f"class {label}", f"{votes[label]:,}") for label in order if votes[label]]
    ending = [("no class (ties)", f"{ties:,}")] if ties else []
    return table_html(title, ("class", "votes"), [*rows, *ending])


def _escaped(value: object) -> str:
    return html.escape(shortened(str(value), _LONGEST))

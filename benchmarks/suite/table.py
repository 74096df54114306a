"""Markdown tables of results, with the columns of ``benchmarks/settings/pages.toml``."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, final

PAGES: Final = Path(__file__).parents[1] / "settings" / "pages.toml"
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(PAGES.read_text("utf-8"))
"""Templates of cells by heading, for every table."""
Line = Mapping[str, Any]


def table(name: str, lines: Iterable[Line]) -> str:
    """The table of that name in ``pages.toml``."""
    return rows(COLUMNS[name], (shown(name, line) for line in lines))


def rows(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table with these headings; every line has a cell for each."""
    names = list(heads)
    return "\n".join([row(*names), "|" + "---|" * len(names), *(row(*cells) for cells in lines)])


def shown(name: str, line: Line) -> list[str]:
    """The cells of one line; bold: those that show that it misses its target, or named ``bold``."""
    line, lost = {"wanted": "at most", "target": None, **line}, missed(line)
    bold = {*line.get("bold", ()), *(("median", "target") if lost else ())}
    wanted = "" if line["target"] is None else "{wanted} {target:g}".format_map(line)
    line["wanted_text"] = f"{wanted}: missed" if lost else wanted
    cells = {head: _CELLS.vformat(cell, (), line) for head, cell in COLUMNS[name].items()}
    return [marked(text, head in bold) for head, text in cells.items()]


def missed(line: Line) -> bool:
    """Whether the median of a line is on the wrong side of its target, if it has one."""
    target, median = line.get("target"), line.get("median")
    if target is None or median is None:
        return False
    return bool(median < target if line.get("wanted") == "at least" else median > target)


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def marked(text: str, loss: bool) -> str:
    """Bold where a target is missed, or a peer is better."""
    return f"**{text}**" if loss else text


@final
class _Cells(string.Formatter):
    """``points``: 95.5 for 0.955; ``figure``: three digits, no fraction from 100 on; ``mega``."""

    def vformat(self, format_string: str, args: Any, kwargs: Any) -> str:
        try:
            return super().vformat(format_string, args, kwargs)
        except TypeError:  # A part of a field that is None.
            return ""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "-"
        if isinstance(value, dict):
            return "/".join(value)
        if format_spec == "points":
            return f"{100 * value:.1f}"
        if format_spec == "mega":
            return f"{value / 1e6:,.0f}"
        if format_spec == "figure":
            return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        return format(value, format_spec)


_CELLS: Final = _Cells()

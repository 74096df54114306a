"""The table of several runs as users have it: its numbers, and every form of printing it."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from typing import final

from gsmooth.report.accuracy_table import AccuracyTable
from gsmooth.report.table_csv import accuracy_csv
from gsmooth.report.table_text import TextTable, text_table


@final
@dataclass(frozen=True, repr=False)
class Table:
    """A table of certified accuracies; a notebook shows it, and ``print`` prints it.

    Args:
        numbers: Every number with its exact interval.
    """

    numbers: AccuracyTable

    def to_text(self, intervals: bool = False, digits: int = 2) -> str:
        """Return the table for a terminal, at most 160 characters wide.

        Args:
            intervals: Whether each accuracy is followed by its exact interval.
            digits: Decimal places of accuracies.
        """
        from rich.console import Console

        page = io.StringIO()
        console = Console(file=page, width=160, color_system=None)
        console.print(self._text(intervals, digits).to_rich())
        return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"

    def to_markdown(self, intervals: bool = False, digits: int = 2) -> str:
        """Return the table in the Markdown of GitHub, the best of comparable runs in bold."""
        return self._text(intervals, digits).to_markdown()

    def to_latex(self, intervals: bool = False, digits: int = 2) -> str:
        """Return a LaTeX ``tabular`` (package booktabs), the best of comparable runs in bold."""
        return self._text(intervals, digits).to_latex()

    def to_csv(self) -> str:
        """Return every number as CSV: shares, ends of intervals, average radii."""
        return accuracy_csv(self.numbers)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        numbers = self.numbers
        columns = ", ".join(column.header for column in numbers.columns)
        return f"Table({len(numbers.rows)} rows by {', '.join(numbers.named_by)}; {columns})"

    def _repr_html_(self) -> str:
        text = self._text(False, 2)
        head = "".join(f"<th>{html.escape(name)}</th>" for name in text.header)
        rows = "".join(
            f"<tr>{''.join(map(_html, (c.text for c in row), (c.best for c in row)))}</tr>"
            for row in text.rows
        )
        notes = html.escape(" ".join(text.notes))
        return f"<table><tr>{head}</tr>{rows}</table><p>{notes}</p>"

    def _text(self, intervals: bool, digits: int) -> TextTable:
        return text_table(self.numbers, intervals, digits)


def _html(text: str, best: bool) -> str:
    shown = html.escape(text)
    return f"<td><b>{shown}</b></td>" if best else f"<td>{shown}</td>"

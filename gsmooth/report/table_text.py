"""Tables as text, Markdown and LaTeX: cells as they are printed, the best ones in bold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, final

from gsmooth.report.accuracy_table import AccuracyTable, Cell, Radius, TableRow
from gsmooth.report.radius_against_n import RadiusAgainstN
from gsmooth.report.reach import unit_text
from gsmooth.text.display import plain
from gsmooth.text.rounding import decimal_down, decimal_up, percent_down
from gsmooth.theory.radii import round_down

if TYPE_CHECKING:
    from rich.table import Table

NONE: Final = "–"
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    **{char: f"\\{char}" for char in "{}$&#_%"},
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": "$<$",
    ">": "$>$",
    "°": r"$^\circ$",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
}


@final
@dataclass(frozen=True)
class TextCell:
    """A printed cell; best: in bold."""

    text: str
    best: bool = False


@final
@dataclass(frozen=True)
class TextTable:
    """A printed table.

    Args:
        header: Names of the columns.
        rows: As many cells each.
        left: Number of columns that hold names and not numbers.
        notes: What the words and signs mean, a sentence each.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[TextCell, ...], ...]
    left: int
    notes: tuple[str, ...] = ()

    def to_rich(self) -> Table:
        """Return the table for a terminal."""
        from rich.table import Table
        from rich.text import Text

        table = Table(caption="\n".join(self.notes), caption_justify="left", highlight=False)
        for place, name in enumerate(self.header):
            table.add_column(plain(name), justify="left" if place < self.left else "right")
        for row in self.rows:
            table.add_row(
                *(Text(plain(cell.text), style="bold" if cell.best else "") for cell in row)
            )
        return table

    def to_markdown(self) -> str:
        """Return the table in the Markdown of GitHub, with the notes below it."""
        rule = ["---" if place < self.left else "---:" for place in range(len(self.header))]
        rows = [[_bold(_markdown(cell.text), "**", cell) for cell in row] for row in self.rows]
        lines = [_line(map(_markdown, self.header)), _line(rule), *map(_line, rows)]
        return "\n".join([*lines, "", *(_markdown(note) for note in self.notes)]) + "\n"

    def to_latex(self) -> str:
        """Return a LaTeX ``tabular`` (package booktabs), with the notes as comments."""
        kinds = "l" * self.left + "r" * (len(self.header) - self.left)
        notes = [f"% {plain(note)}" for note in self.notes]
        body = [_latex_line(_latex_cell(cell) for cell in row) for row in self.rows]
        lines = [
            *notes,
            f"\\begin{{tabular}}{{{kinds}}}",
            "\\toprule",
            _latex_line(map(_latex, self.header)),
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
        ]
        return "\n".join(lines) + "\n"


def text_table(table: AccuracyTable, intervals: bool = False, digits: int = 2) -> TextTable:
    """Lay out a table of accuracies for people.

    Args:
        table: The numbers.
        intervals: Whether each accuracy is followed by its exact interval.
        digits: Decimal places of accuracies; the ends of intervals are rounded outwards.
    """
    optional = [name for name in ("standard", "attacked") if _has(table, name)]
    shown = _Shown(intervals, digits)
    header = (
        *table.named_by,
        "images",
        *(column.header for column in table.columns),
        "average radius",
        *({"standard": "standard", "attacked": "under attack"}[name] for name in optional),
        "abstained",
    )
    rows = tuple(tuple(_cells(row, optional, shown)) for row in table.rows)
    return TextTable(header, rows, len(table.named_by), tuple(_notes(table, optional, shown)))


def radius_table(found: RadiusAgainstN) -> TextTable:
    """Lay out the radius against n of one run; radii are rounded down."""
    rows = tuple(
        (
            TextCell(f"{n:,}"),
            TextCell(f"{round_down(mean, 3):.3f}"),
            TextCell(f"{round_down(best, 3):.3f}"),
        )
        for n, mean, best in zip(found.n, found.mean, found.best, strict=True)
    )
    notes = (
        f"{found.run}: {found.images} images, sigma {found.sigma:.3g}, alpha {found.alpha:g}.",
        "average radius: over all images and all subsets of n of the kept votes; a wrong image"
        " counts as 0. Not cut at the region.",
        "best radius: that of n unanimous votes, sigma Phi^-1(alpha^(1/n)).",
    )
    return TextTable(("n", "average radius", "best radius"), rows, 0, notes)


@final
@dataclass(frozen=True)
class _Shown:
    """How an accuracy is printed."""

    intervals: bool
    digits: int

    def cell(self, cell: Cell | None) -> TextCell:
        if cell is None:
            return TextCell(NONE)
        text = cell.share.decimal(self.digits)
        if self.intervals:
            low = decimal_down(cell.interval.low, self.digits)
            high = min(decimal_up(cell.interval.high, self.digits), Decimal(1))
            text += f" ({low:f}–{high:.{self.digits}f})"
        return TextCell(text, cell.best)


def _has(table: AccuracyTable, name: str) -> bool:
    return any(getattr(row, name) is not None for row in table.rows)


def _cells(row: TableRow, optional: Sequence[str], shown: _Shown) -> Iterator[TextCell]:
    yield from (TextCell(name or NONE) for name in row.names)
    yield TextCell(str(row.images))
    yield from map(shown.cell, row.certified)
    yield TextCell(radius_text(row.average), row.average.best)
    yield from (shown.cell(getattr(row, name)) for name in optional)
    yield shown.cell(row.abstained)


def radius_text(radius: Radius, digits: int = 3) -> str:
    """Return an average radius with its unit, rounded down; a fraction in percent."""
    if radius.axis.kind == "fraction":
        return percent_down(radius.value, 1)
    return f"{round_down(radius.value, digits):.{digits}f}{unit_text(radius.axis.unit)}"


def _notes(table: AccuracyTable, optional: Sequence[str], shown: _Shown) -> Iterator[str]:
    yield from _column_notes(table)
    yield "In every accuracy an abstention counts as wrong."
    if any(axis.label.startswith("every original") for axis in table.axes):
        yield "Of online runs, standard accuracy is that of the images as attacked."
    if any(cell is None for row in table.rows for cell in row.certified):
        yield f"{NONE}: the run was not asked about it."
    yield (
        "average radius: how far the true class is certified; 0 for a wrong or abstained image, and"
        " never beyond the region."
    )
    if shown.intervals:
        yield (
            f"(low–high): exact binomial interval (Clopper-Pearson), {table.confidence:.12g}, for"
            " images that are drawn independently."
        )


def _column_notes(table: AccuracyTable) -> Iterator[str]:
    labels = {column.axis for column in table.columns}
    for axis in table.axes:
        if axis.label in labels and axis.kind != "fraction":
            r = " r" if axis.kind == "l2" else ""
            yield f"Columns {'r' if r else '±'}: certified accuracy for {axis.label}{r}."
    if any("%" in column.header for column in table.columns):
        yield "Columns in %: certified accuracy on so much of each run's region."


def _bold(text: str, mark: str, cell: TextCell) -> str:
    return f"{mark}{text}{mark}" if cell.best else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", plain(text))


def _latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in plain(text))


def _latex_cell(cell: TextCell) -> str:
    return f"\\textbf{{{_latex(cell.text)}}}" if cell.best else _latex(cell.text)


def _latex_line(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"

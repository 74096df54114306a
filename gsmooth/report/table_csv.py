"""Tables as CSV: every number as it is, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from gsmooth.report.accuracy_table import AccuracyTable, Cell, TableRow
from gsmooth.report.confusion import Confusions
from gsmooth.report.radius_against_n import RadiusAgainstN
from gsmooth.text.display import plain

_FORMULA = ("=", "+", "-", "@")


def accuracy_csv(table: AccuracyTable) -> str:
    """Return a table of accuracies as CSV.

    Each accuracy has three columns, the share and the ends of its exact interval (``low``,
    ``high``). A cell is empty where a number is not known or the run was not asked.

    Args:
        table: The numbers.
    """
    shares = [f"certified {column.header}" for column in table.columns]
    accuracies = [*shares, "standard", "attacked", "abstained"]
    header = [
        *(name for name in table.named_by if name != "run"),
        "images",
        *(part for name in accuracies for part in (name, f"{name} low", f"{name} high")),
        "average radius",
        "unit",
    ]
    return _written(["run", *header], (_row(table, row) for row in table.rows))


def confusion_csv(found: Sequence[Confusions]) -> str:
    """Return the confusions of several runs as CSV, with a line for each pair of classes."""
    return _written(
        ("run", "true class", "answer", "images"),
        (
            (one.run, one.name(pair.label), one.name(pair.answer), pair.images)
            for one in found
            for pair in one.counts
        ),
    )


def radius_csv(found: Sequence[RadiusAgainstN]) -> str:
    """Return radii against n as CSV, with a line for each run and n."""
    return _written(
        ("run", "n", "average radius", "best radius"),
        (
            (one.run, *numbers)
            for one in found
            for numbers in zip(one.n, one.mean, one.best, strict=True)
        ),
    )


def _row(table: AccuracyTable, row: TableRow) -> Iterator[object]:
    yield row.run
    yield from (
        name for setting, name in zip(table.named_by, row.names, strict=True) if setting != "run"
    )
    yield row.images
    for cell in (*row.certified, row.standard, row.attacked, row.abstained):
        yield from _numbers(cell)
    yield row.average.value
    axis = row.average.axis
    yield axis.unit or ("" if axis.kind == "parameter" else axis.kind)


def _numbers(cell: Cell | None) -> tuple[object, ...]:
    if cell is None:
        return "", "", ""
    return cell.share.value, cell.interval.low, cell.interval.high


def _written(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(list(header))
    writer.writerows([_field(value) for value in row] for row in rows)
    return stream.getvalue()


def _field(value: object) -> object:
    """A text that no spreadsheet takes for a formula: records may come from anybody."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(_FORMULA) else text

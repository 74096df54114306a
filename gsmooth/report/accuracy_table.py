"""The table of certified accuracies: a row for each run, a column for each reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

from gsmooth.errors import ConfigurationError
from gsmooth.report.reach import Axis
from gsmooth.report.reach_columns import ReachColumn, reach_columns
from gsmooth.report.run_counts import ClassCounts, RunCounts
from gsmooth.report.run_settings import RUN, naming_settings, row_names
from gsmooth.report.share import Interval, Share, exact_interval

_NO_RUN = "report: no run; name folders of records, or TSV files"


@final
@dataclass(frozen=True)
class Cell:
    """A proportion of images.

    Args:
        share: The images that count, of all.
        interval: Exact binomial interval for the proportion among all images.
        best: True if no comparable run has a larger one.
    """

    share: Share
    interval: Interval
    best: bool = False


@final
@dataclass(frozen=True)
class Radius:
    """An average certified radius, rounded down, on an axis; best: as in ``Cell``."""

    value: float
    axis: Axis
    best: bool = False


@final
@dataclass(frozen=True)
class TableRow:
    """The numbers of one run, or of one class of it.

    Args:
        run: Name of the run.
        names: Values of the settings that name the rows, as many as ``AccuracyTable.named_by``.
        images: Number of images.
        certified: A cell for each column; None where the run was not asked so far.
        average: Average certified radius, at most the end of the region; a wrong or abstained
            image counts as 0.
        standard: Accuracy of g (PREDICT); None: not known.
        attacked: Accuracy at the worst attacks found; None: no attack.
        abstained: Images without a certificate.
        comparable: Rows with equal texts are about the same attacks and the same data.
    """

    run: str
    names: tuple[str, ...]
    images: int
    certified: tuple[Cell | None, ...]
    average: Radius
    standard: Cell | None
    attacked: Cell | None
    abstained: Cell
    comparable: str = ""


@final
@dataclass(frozen=True)
class AccuracyTable:
    """Certified accuracies of several runs, or of the classes of one.

    Args:
        named_by: The settings that name the rows, or ``class``.
        columns: The reaches.
        rows: One for each run, in their order.
        axes: The axes of the runs, each once.
        confidence: Level of the intervals.
    """

    named_by: tuple[str, ...]
    columns: tuple[ReachColumn, ...]
    rows: tuple[TableRow, ...]
    axes: tuple[Axis, ...]
    confidence: float


def accuracy_table(
    runs: Sequence[RunCounts],
    at: Sequence[str | float] | None = None,
    rows: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> AccuracyTable:
    """Tabulate certified accuracy by reach, as Cohen et al. (2019) do by radius (S4).

    Args:
        runs: Counts of the runs, whose names differ.
        at: Reaches of the columns; see ``reach_columns``.
        rows: Settings that name the rows, e.g. ``sigma``; None: those in which the runs differ.
        confidence: Level of the intervals.

    Raises:
        ConfigurationError: There is no run, or a column or a setting is none.
    """
    if not runs:
        raise ConfigurationError(_NO_RUN)
    columns = reach_columns(runs, at)
    named_by = naming_settings([run.settings for run in runs], rows)
    found = [_row(run, run.total, _names(run, named_by), columns, confidence) for run in runs]
    return AccuracyTable(named_by, columns, tuple(_marked(found, columns)), _axes(runs), confidence)


def class_table(
    runs: Sequence[RunCounts],
    at: Sequence[str | float] | None = None,
    confidence: float = 0.95,
) -> AccuracyTable:
    """Tabulate certified accuracy by true class, with a row for all classes of each run.

    Args:
        runs: Counts of the runs, whose names differ.
        at, confidence: As in :func:`accuracy_table`.

    Raises:
        ConfigurationError: There is no run, or a column cannot be read.
    """
    if not runs:
        raise ConfigurationError(_NO_RUN)
    columns = reach_columns(runs, at)
    named_by = ("class",) if len(runs) == 1 else (RUN, "class")
    rows = [
        _row(run, own, (run.name, run.class_name(own.label))[-len(named_by) :], columns, confidence)
        for run in runs
        for own in (*run.classes, run.total)
    ]
    return AccuracyTable(named_by, columns, tuple(rows), _axes(runs), confidence)


def _names(run: RunCounts, named_by: Sequence[str]) -> tuple[str, ...]:
    return row_names(named_by, run.name, run.settings, run.config)


def _row(
    run: RunCounts,
    own: ClassCounts,
    names: tuple[str, ...],
    columns: Sequence[ReachColumn],
    confidence: float,
) -> TableRow:
    def cell(count: int) -> Cell:
        share = Share(count, own.images)
        return Cell(share, exact_interval(share, confidence))

    reaches = [column.reach(run) for column in columns]
    attacked = own.attacked
    return TableRow(
        run=run.name,
        names=names,
        images=own.images,
        certified=tuple(
            None if reach is None else cell(own.certified(reach, run.axis.end).count)
            for reach in reaches
        ),
        average=Radius(own.average(run.axis.end), run.axis),
        standard=None if own.standard is None else cell(own.standard),
        attacked=None if attacked is None else Cell(attacked, exact_interval(attacked, confidence)),
        abstained=cell(own.abstained),
        comparable=f"{run.axis.label}, {run.settings.get('data', '')}",
    )


def _axes(runs: Sequence[RunCounts]) -> tuple[Axis, ...]:
    return tuple({run.axis.label: run.axis for run in runs}.values())


def _marked(rows: Sequence[TableRow], columns: Sequence[ReachColumn]) -> Iterator[TableRow]:
    """Yield the rows with the best numbers among comparable ones marked."""
    for row in rows:
        peers = [other for other in rows if other.comparable == row.comparable]
        if len(peers) == 1:
            yield row
            continue
        # Shares of regions are compared where the regions end alike.
        alike = [other for other in peers if other.average.axis.end == row.average.axis.end]
        yield replace(
            row,
            certified=tuple(
                _best(cell, [o.certified[place] for o in (peers if column.axis else alike)])
                for place, (cell, column) in enumerate(zip(row.certified, columns, strict=True))
            ),
            standard=_best(row.standard, [other.standard for other in peers]),
            attacked=_best(row.attacked, [other.attacked for other in alike]),
            average=_longest(row.average, [other.average for other in peers]),
        )


def _best(cell: Cell | None, peers: Sequence[Cell | None]) -> Cell | None:
    values = [peer.share.value for peer in peers if peer is not None]
    if cell is None or len(values) == 1:
        return cell
    return replace(cell, best=0.0 < cell.share.value == max(values))


def _longest(own: Radius, peers: Sequence[Radius]) -> Radius:
    return replace(own, best=0.0 < own.value == max(peer.value for peer in peers))

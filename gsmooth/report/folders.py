"""Summary, table, figures, contact sheet and page of records in folders, given by path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gsmooth.data.dataset import Dataset
from gsmooth.report import contact_sheet, summary
from gsmooth.report.accuracy_table import accuracy_table, class_table
from gsmooth.report.figure_style import save_both
from gsmooth.report.figures import FigureKind, figure_of
from gsmooth.report.page import write
from gsmooth.report.printable import Table
from gsmooth.report.source import Source, read_sources
from gsmooth.report.summary import Summary
from gsmooth.runs.inputs import recorded_data
from gsmooth.runs.records.folder import open_records

Folder = str | Path


def summarize(folder: Folder) -> Summary:
    """Summarize the records in a folder: accuracies, abstentions, votes, guarantee and alpha.

    Args:
        folder: A folder that ``Results.save`` or ``gsmooth certify`` wrote.

    Raises:
        RecordError: It cannot be read, or no image is finished.
    """
    return summary.summarize(open_records(folder))


def table(
    runs: Folder | Sequence[Folder],
    at: Sequence[float | str] | None = None,
    *,
    rows: Sequence[str] | None = None,
    by_class: bool = False,
    confidence: float = 0.95,
) -> Table:
    """Tabulate the certified accuracy of runs by radius, angle or shift.

    Args:
        runs: Folders of records, or TSV files as Cohen et al. (2019) publish them.
        at: Columns: numbers in the unit of the runs, texts with a unit (``"30deg"``, ``"2px"``,
            ``"0.5l2"``), or shares of each run's region (``"50%"``). None: round numbers and the
            ends of regions; shares where the runs are about different attacks.
        rows: Settings that name the rows, such as ``sigma``, ``n``, ``model``, ``run`` or
            ``certify.n0``. None: those in which the runs differ.
        by_class: Whether each true class has a row of its own.
        confidence: Level of the exact binomial intervals.

    Returns:
        The table: ``print`` it, or ``to_markdown()``, ``to_latex()``, ``to_csv()``.

    Raises:
        RecordError: A run cannot be read, or has no finished image.
        ConfigurationError: A column or a setting is not known.
    """
    counts = [source.counts for source in _sources(runs)]
    if by_class:
        return Table(class_table(counts, at, confidence))
    return Table(accuracy_table(counts, at, rows, confidence))


def draw_curve(
    folders: Folder | Sequence[Folder], to: Folder, *, width: float | None = None
) -> Path:
    """Draw certified accuracy against the reach of certificates, one curve a run.

    Args:
        folders: One folder of records or TSV file, or several. Runs about other attacks have axes
            of their own, side by side.
        to: The picture without its suffix; ``to``.png and ``to``.svg are written.
        width: Width in inches; None: 6.4, and more for several axes.

    Returns:
        The path of the .png file.

    Raises:
        OutputError: The pictures cannot be written.
    """
    return _drawn("curve", folders, to, width)


def draw_votes(
    folders: Folder | Sequence[Folder], to: Folder, *, width: float | None = None
) -> Path:
    """Draw the histogram of votes an image, one outline a run; as :func:`draw_curve`.

    Args:
        folders: One folder of records, or several.
        to: The picture without its suffix; ``to``.png and ``to``.svg are written.
        width: Width in inches; None: 6.4.

    Returns:
        The path of the .png file.
    """
    return _drawn("votes", folders, to, width)


def draw_attack(
    folders: Folder | Sequence[Folder], to: Folder, *, width: float | None = None
) -> Path:
    """Draw certified accuracy against accuracy under attack, a line a run.

    Args:
        folders: One folder of records, or several.
        to: The picture without its suffix; ``to``.png and ``to``.svg are written.
        width: Width in inches; None: 6.4.

    Returns:
        The path of the .png file.

    Raises:
        ConfigurationError: No run was attacked.
    """
    return _drawn("attack", folders, to, width)


def draw_radius(
    folders: Folder | Sequence[Folder], to: Folder, *, width: float | None = None
) -> Path:
    """Draw the average certified radius against the number of votes n, and the best case.

    Args:
        folders: One folder of records in radius mode on an l2 ball, or several.
        to: The picture without its suffix; ``to``.png and ``to``.svg are written.
        width: Width in inches; None: 6.4.

    Returns:
        The path of the .png file.

    Raises:
        ConfigurationError: No run has votes whose number was fixed in advance.
    """
    return _drawn("radius", folders, to, width)


def _drawn(
    kind: FigureKind, runs: Folder | Sequence[Folder], to: Folder, width: float | None
) -> Path:
    figure = figure_of(kind, _sources(runs), width=width)
    return save_both(figure, Path(to))[0]


def _sources(runs: Folder | Sequence[Folder]) -> tuple[Source, ...]:
    several = [runs] if isinstance(runs, str | Path) else runs
    return read_sources([Path(run) for run in several])


def draw_contact_sheet(folder: Folder, data: str | Dataset, to: Folder | None = None) -> Path:
    """Draw up to eight images of a run, attacks on them, and what is certified.

    Args:
        folder: A folder of records.
        data: The images of the run: what ``load_data`` takes, or what it gives.
        to: The folder of the picture; by default that of the records.

    Returns:
        The path of ``contact_sheet.png``.

    Raises:
        InputError: These are not the images of the run.
        OutputError: The picture cannot be written.
    """
    records = open_records(folder)
    images = recorded_data(records.header.config, data) if isinstance(data, str) else data
    return contact_sheet.draw_contact_sheet(records, Path(to or folder), images)


def write_page(
    folders: Folder | Sequence[Folder], to: Folder, data: str | Dataset | None = None
) -> Path:
    """Write a report on runs as one HTML file, which needs nothing else and asks no network.

    Args:
        folders: One folder of records, or several.
        to: The file.
        data: The images of the runs, for pictures of them: what ``load_data`` takes, or what it
            gives; by default there are no pictures.

    Returns:
        The path of the file.

    Raises:
        RecordError: A folder cannot be read, or no image is finished.
        InputError: These are not the images of the runs.
        PluginError: The transformation is not installed, and there are images.
        OutputError: The file cannot be written.
    """
    several = [folders] if isinstance(folders, str | Path) else folders
    runs = [open_records(one) for one in several]
    images = [
        recorded_data(run.header.config, data) if isinstance(data, str) else data for run in runs
    ]
    return write.write_page(runs, Path(to), images)

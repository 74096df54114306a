"""Summary, curve and contact sheet of records in folders, given by path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gsmooth.data.dataset import Dataset
from gsmooth.report import contact_sheet, curves, summary
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


def draw_curve(folders: Folder | Sequence[Folder], to: Folder) -> Path:
    """Draw certified accuracy against the reach of certificates, one curve a folder.

    Args:
        folders: One folder of records, or several whose regions share an axis.
        to: The picture without its suffix; ``to``.png and ``to``.svg are written.

    Returns:
        The path of the .png file.

    Raises:
        ConfigurationError: The runs share no axis.
        OutputError: The pictures cannot be written.
    """
    several = [folders] if isinstance(folders, str | Path) else folders
    return curves.draw_curves([open_records(one) for one in several], Path(to))[0]


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

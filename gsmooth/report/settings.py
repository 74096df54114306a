"""Settings of reports: sizes of tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ExplainSettings:
    """What an explanation says about shares and votes."""

    confidence: float = 0.95
    """Of the interval that an explanation prints for a share of votes."""
    at_the_image: float = 0.005
    """Part of the way to the end of the region within which a centre is said to be at the image."""
    most_votes: int = 10_000_000
    """Votes up to which an explanation looks for a number that would do."""


@final
@dataclass(frozen=True)
class FieldSettings:
    """Sizes of the tables and figures of several runs."""

    table_steps: int = 5
    """Largest number of round reaches above 0 that are columns of a table by default."""
    matrix_classes: int = 12
    """Largest number of classes whose confusions are printed as a matrix."""
    confusions: int = 20
    """Largest number of confusions in a list of them."""
    curve_of_n: int = 25
    """Numbers of votes at which the radius against n is computed by default."""
    vote_bins: int = 24
    """Number of bins of a histogram of votes."""
    figure_inches: float = 6.4
    """Width of a figure with one pair of axes."""
    least_inches: float = 2.5
    """Least width of a figure."""


@final
@dataclass(frozen=True)
class ReportSettings:
    """Sizes of tables and pictures. They do not change any number in a report."""

    fractions: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """Fractions of the region at which certified accuracy is tabulated in radius mode."""
    sheet_images: int = 8
    """Largest number of images on a contact sheet."""
    sheet_views: int = 6
    """Largest number of attacked views of an image."""
    name_length: int = 40
    """Characters of a class name on a contact sheet."""
    caption_columns: int = 84
    """Characters of a line below a curve."""
    curve_points: int = 2000
    """Largest number of drawn points of a curve; they lie on or below it."""
    field: FieldSettings = FieldSettings()
    """Of tables and figures of several runs."""
    explain: ExplainSettings = ExplainSettings()
    """Of explanations."""


REPORT: Final = ReportSettings()

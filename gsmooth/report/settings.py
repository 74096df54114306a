"""Settings of reports: how much of a run is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ReportSettings:
    """Sizes of tables and pictures. No figure depends on them."""

    fractions: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """Fractions of the region at which certified accuracy is tabulated in radius mode."""
    sheet_images: int = 8
    """Most images on a contact sheet."""
    sheet_views: int = 6
    """Most attacked views of each of them."""
    name_length: int = 40
    """Characters of a class name on a contact sheet."""
    caption_columns: int = 84
    """Characters of a line below a curve."""
    curve_points: int = 2000
    """Most points of a curve that are drawn; they lie on the curve or below it."""


REPORT: Final = ReportSettings()

"""The options of ``gsmooth report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_TABLES = "Tables"
_FIGURES = "Figures"
_FILES = "Files"

AtOption = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Columns of certified accuracy: numbers in the unit of the runs (0,0.5,1), with a unit"
        " (30deg,2px,0.5l2), or shares of each run's region (50%,100%). By default round numbers.",
        rich_help_panel=_TABLES,
    ),
]
RowsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Settings that name the rows: sigma, std, n, model, transformation, region, run, ...,"
        " or a field of a run file (certify.n0). By default those in which the runs differ.",
        rich_help_panel=_TABLES,
    ),
]
TableOption = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="accuracy (a row a run), classes (a row a class), confusion (answers under attack),"
        " radius (average radius against n).",
        rich_help_panel=_TABLES,
    ),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="text|markdown|latex|csv",
        help="Other formats than text print the table alone on stdout. csv has all numbers.",
        rich_help_panel=_TABLES,
    ),
]
IntervalsOption = Annotated[
    bool,
    typer.Option(
        "--intervals", help="Print exact binomial intervals as well.", rich_help_panel=_TABLES
    ),
]
ConfidenceOption = Annotated[
    float, typer.Option(help="Level of intervals and bands.", rich_help_panel=_TABLES)
]
FiguresOption = Annotated[
    bool,
    typer.Option(
        "--figures/--no-figures",
        help="Draw the figures of --draw, and with --data pictures.",
        rich_help_panel=_FIGURES,
    ),
]
DrawOption = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="curve (certified accuracy by radius or angle), attack (certified against attacked),"
        " votes (histogram), radius (average radius against n).",
        rich_help_panel=_FIGURES,
    ),
]
WidthOption = Annotated[
    float | None,
    typer.Option(
        metavar="INCHES",
        help="Width of the figures; a column of a paper has about 3.3. By default 6.4.",
        rich_help_panel=_FIGURES,
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="SPEC",
        help="The images of the run, as certify was given them, for the contact sheet.",
        rich_help_panel=_FIGURES,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        help="Of the figures; by default that of the first run.",
        rich_help_panel=_FILES,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a page instead of figures: one HTML file, with --data every image in it.",
        rich_help_panel=_FILES,
    ),
]
OpenOption = Annotated[
    bool,
    typer.Option(
        "--open",
        help="Show the page in the browser; without --html it is report.html beside the records.",
        rich_help_panel=_FILES,
    ),
]
ParquetOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Export the rows of one run (extra parquet).",
        rich_help_panel=_FILES,
    ),
]
TsvOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Export one l2 run as Cohen et al. publish theirs (idx label predict radius correct"
        " time); radii are rounded down.",
        rich_help_panel=_FILES,
    ),
]

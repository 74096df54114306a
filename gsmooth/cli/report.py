"""``gsmooth report``: records as the tables and figures of the field, contact sheet and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded
from gsmooth.cli.report_options import (
    AtOption,
    ConfidenceOption,
    DataOption,
    DrawOption,
    FiguresOption,
    FormatOption,
    HtmlOption,
    IntervalsOption,
    OpenOption,
    OutOption,
    ParquetOption,
    RowsOption,
    TableOption,
    TsvOption,
    WidthOption,
)
from gsmooth.errors import ConfigurationError, RecordError

EPILOG = """
[bold]Examples[/bold]

gsmooth report runs/quickstart

gsmooth report runs/quickstart --data shipped:digits

gsmooth report sigma_0.25.tsv sigma_0.50.tsv sigma_1.00.tsv --at 0,0.5,1.0,1.5,2.0,2.5,3.0

gsmooth report runs/narrow runs/wide --rows sigma,n --format latex > table.tex

gsmooth report runs/quickstart --table classes,confusion --intervals

gsmooth report runs/l2 --draw radius,votes --width 3.3 --out figures

gsmooth report runs/quickstart --data shipped:digits --html report.html --open

gsmooth report runs/quickstart --parquet runs/quickstart/records.parquet --no-figures --json
"""


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of records, or published TSV files."),
    ],
    at: AtOption = None,
    rows: RowsOption = None,
    table: TableOption = "accuracy",
    shape: FormatOption = "text",
    intervals: IntervalsOption = False,
    confidence: ConfidenceOption = 0.95,
    figures: FiguresOption = True,
    draw: DrawOption = "curve",
    width: WidthOption = None,
    data: DataOption = None,
    out: OutOption = None,
    parquet: ParquetOption = None,
    tsv: TsvOption = None,
    html: HtmlOption = None,
    show: OpenOption = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Tabulate runs as papers do: certified accuracy by radius, angle or shift, a row a run.

    Also: average certified radius, standard accuracy, abstentions, exact intervals, classes,
    confusions, and what each run is (region, votes, guarantee, alpha). Figures: curves with
    confidence bands, the certified radius against n, certified against attacked, votes; with --data
    a contact sheet. Nothing that a folder names is imported or opened, so that records may be
    reported on wherever they come from.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.field_report import FieldReport, ReportFiles
        from gsmooth.cli.page import PageFile
        from gsmooth.cli.report_tables import (
            TableChoice,
            chosen_figures,
            chosen_format,
            chosen_tables,
            listed,
        )
        from gsmooth.runs.records.population_records import is_population

        page = PageFile.of(html, show, out, runs, data)
        if any(is_population(run) for run in runs):
            if page is not None:
                raise ConfigurationError(
                    "--html: the page shows certificates of images, and a population run has none;"
                    " leave --html and --open out"
                )
            _report_populations(runs, as_json)
            return
        choice = TableChoice(
            chosen_tables(table),
            chosen_format(shape),
            listed(at),
            listed(rows),
            intervals,
            confidence,
        )
        # The page has figures and pictures of its own.
        drawn, images = (chosen_figures(draw), data) if figures and not page else ((), None)
        files = ReportFiles(drawn, width, out, images, parquet, tsv)
        files.require_fitting(len(runs))
        found = FieldReport.of(runs, choice, files)
        if page is not None:
            found = replace(found, result=page.written(found.result, len(runs)))
        found.emit(as_json)


def _report_populations(runs: list[Path], as_json: bool) -> None:
    """The bounds of population runs, which are no certificates of images."""
    from gsmooth.cli.population import population_document, print_population
    from gsmooth.runs.records.population_records import is_population, read_population

    if not all(is_population(run) for run in runs):
        raise ConfigurationError(
            "RUN: some folders hold the votes of a population, and some certificates of images;"
            " report on the ones or the others"
        )
    stated = [(run, read_population(run).certificate) for run in runs]
    for run, found in stated:
        if found is None:
            raise RecordError(f"{run} is not finished; the same certify command goes on from there")
    if as_json:
        emit(
            {
                "runs": [
                    {"folder": str(run), **population_document(found)}
                    for run, found in stated
                    if found
                ]
            }
        )
        return
    for run, found in stated:
        if found is not None:
            print_population(found, run)

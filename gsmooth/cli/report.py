"""``gsmooth report``: a run's records as table, curve, contact sheet and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded
from gsmooth.errors import ConfigurationError, RecordError

if TYPE_CHECKING:
    from gsmooth.cli.result import Result

EPILOG = """
[bold]Examples[/bold]

gsmooth report runs/quickstart

gsmooth report runs/quickstart --data shipped:digits

gsmooth report runs/narrow runs/wide --out figures

gsmooth report runs/quickstart --parquet runs/quickstart/records.parquet --no-figures --json
"""


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of records.")],
    figures: Annotated[
        bool,
        typer.Option("--figures/--no-figures", help="Draw the curve, and with --data pictures."),
    ] = True,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="SPEC",
            help="The images of the run, as certify was given them, for the contact sheet.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Export the rows of one run (extra parquet)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Of the figures; by default the run's."),
    ] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Summarize runs side by side: accuracies, abstentions, votes, guarantee and alpha.

    The curve shows certified accuracy against the certified part of the region; the contact sheet
    (with --data) shows a few images with the transformations that could not fool the model. Nothing
    that a folder names is imported or opened, so that records may be reported on wherever they come
    from.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.result import Result
        from gsmooth.runs.records.export import export_parquet

        if parquet is not None and len(runs) > 1:
            raise ConfigurationError("--parquet exports one run; name a single folder")
        if data is not None and len(runs) > 1:
            raise ConfigurationError("--data is for the pictures of one run; name a single folder")
        from gsmooth.runs.records.population_records import is_population

        if any(is_population(run) for run in runs):
            _report_populations(runs, as_json)
            return
        result = Result.read(runs)
        if figures:
            result = _drawn(result, out or result.runs[0].path.parent, data)
        if parquet is not None:
            export_parquet(result.runs[0], parquet)
            result = result.with_files(parquet)
        if as_json:
            emit(result.as_document())
        else:
            result.print()


def _drawn(result: Result, folder: Path, data: str | None) -> Result:
    if data is None:
        return result.drawn(folder)
    from gsmooth.runs.inputs import recorded_data

    return result.drawn(folder, recorded_data(result.runs[0].header.config, data))


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

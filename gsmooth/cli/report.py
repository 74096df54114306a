"""``gsmooth report``: a run's records as table, curve, contact sheet and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded
from gsmooth.errors import ConfigurationError

EPILOG = """
[bold]Examples[/bold]

gsmooth report runs/quickstart

gsmooth report runs/narrow runs/wide --out figures

gsmooth report runs/quickstart --parquet runs/quickstart/records.parquet --no-figures --json
"""


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of records.")],
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw curve and contact sheet.")
    ] = True,
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
    shows a few images with the transformations that could not fool the model.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.result import Result
        from gsmooth.run.records import export_parquet

        if parquet is not None and len(runs) > 1:
            raise ConfigurationError("--parquet exports one run; name a single folder")
        result = Result.read(runs)
        if figures:
            result = result.drawn(out or result.runs[0].path.parent)
        if parquet is not None:
            export_parquet(result.runs[0], parquet)
            result = result.with_files(parquet)
        if as_json:
            emit(result.as_document())
        else:
            result.print()

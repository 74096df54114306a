"""``gsmooth explain``: why an image of a run was certified or not, in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import console, emit, guarded, say

if TYPE_CHECKING:
    from gsmooth.runs.records.folder import Records

EPILOG = """
[bold]Examples[/bold]

gsmooth explain runs/quickstart

gsmooth explain runs/quickstart --image 7

gsmooth explain runs/quickstart --image 7 --image 12 --json
"""
_SHOWN = 8


def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of records.")],
    images: Annotated[
        list[int] | None,
        typer.Option(
            "--image",
            "-i",
            metavar="INDEX",
            help="Position of an image in the data set. Repeatable. Left out: all images, by what"
            " they lack.",
        ),
    ] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Say why an image was certified or not: which centre decided, what its votes show, whether
    more votes or a smaller region would do, or the network is the limit.

    From the records alone: no vote is cast, and nothing that a folder names is opened. What more
    votes would give is a forecast at the shares that were seen.
    """
    with guarded(as_json, debug):
        from gsmooth.errors import ConfigurationError
        from gsmooth.report.explain.explanation import explain as explained
        from gsmooth.runs.records.folder import open_records
        from gsmooth.runs.records.population_records import is_population

        if is_population(run):
            raise ConfigurationError(
                f"{run} holds the votes of a population: they prove one bound on all images"
                " together, and nothing about any one of them; gsmooth report shows it"
            )
        records = open_records(run)
        if not images:
            _overview(records, run, as_json)
            return
        found = [explained(records, index) for index in images]
        if as_json:
            emit({"images": [one.as_document() for one in found]})
        else:
            say("\n\n".join(map(str, found)))


def _overview(records: Records, run: Path, as_json: bool) -> None:
    """All images by what they lack."""
    from rich.table import Table

    from gsmooth.report.explain.explanation import tally

    found = tally(records)
    if as_json:
        emit({"limits": {str(limit): places for limit, places in found.items()}})
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("what is missing")
    table.add_column("images", justify="right")
    table.add_column("which")
    for limit, places in found.items():
        few = ", ".join(map(str, places[:_SHOWN])) + (", ..." if len(places) > _SHOWN else "")
        table.add_row(str(limit), str(len(places)), few)
    console().print(table)
    say(f"gsmooth explain {run} --image INDEX says why", stderr=True)

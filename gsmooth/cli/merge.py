"""``gsmooth merge``: the records of several folders of one run in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded, say

EPILOG = """
[bold]Example[/bold]

gsmooth merge runs/photos/shard-* -o runs/photos

gsmooth verify runs/photos
"""


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of records of one run.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FOLDER", help="Folder of the whole run."),
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept that planned images have no row yet.")
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Join the shards of a run, in any order, into the records of one run.

    Refused are folders of another run, different rows of one image (votes follow from the seed, so
    one of them was made by something else), and images without a row unless --partial is given.
    Rows that --out holds already are kept. The shards stay as they are.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.result import Result
        from gsmooth.runs.machines.merge import merge_records

        found = merge_records(folders, out, partial=partial)
        for place in found.violations:
            say(f"an attack beat a certificate: {place} has the case", stderr=True)
        result = Result.read([found.folder])
        if as_json:
            presence = {"images": found.images, "planned": found.planned, "twice": found.twice}
            emit({**presence, **result.as_document()})
            return
        result.print()

"""``gsmooth verify``: derive stored certificates again from their counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded, say
from gsmooth.errors import IncompleteError, VerificationError

EPILOG = """
[bold]Example[/bold]

gsmooth verify runs/quickstart
"""


def verify(
    records: Annotated[
        Path, typer.Argument(metavar="RECORDS", help="A run's folder, or its records.jsonl.")
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a run that is not finished.")
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Check that every stored certificate follows from its own raw counts; no vote is cast.

    Exits with 8, naming image and field, if a row claims more than its counts support, and with 11
    if planned images have no row. Counts, and what margins owe to the image, are taken on trust:
    repeating the run with its seed checks those.
    """
    with guarded(as_json, debug):
        from gsmooth.run.verify import verify_records

        found = verify_records(records)
        if as_json:
            faults = [vars(fault) for fault in found.faults]
            counts = {"checked": found.checked, "certified": found.certified}
            presence = {"planned": found.planned, "missing": found.missing}
            emit({**counts, **presence, "faults": faults})
        elif found.sound and found.checked:
            say(
                f"{found.checked} rows checked: all {found.certified} certificates follow from"
                " their counts"
            )
        for fault in found.faults:
            say(str(fault), stderr=True)
        if not found.complete:
            say(found.presence, stderr=True)
        if not found.sound:
            raise typer.Exit(VerificationError.exit_code)
        if not found.complete and not (partial and found.checked):
            raise typer.Exit(IncompleteError.exit_code)

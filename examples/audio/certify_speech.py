"""Certify Silero VAD: certified and attacked share of clips under volume, an l2 ball, and both.

python examples/audio/certify_speech.py --help
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

HERE: Final = Path(__file__).resolve().parent
# The run file names its model and data from the root of the repository.
sys.path.insert(0, str(HERE.parents[1]))

from examples.audio.clips import SPLITS, clips  # noqa: E402
from examples.audio.silero import network  # noqa: E402
from gsmooth.errors import GsmoothError, InputError  # noqa: E402

if TYPE_CHECKING:
    from rich.table import Table

    from gsmooth.report.summary import Summary

# What a row changes in speech.toml.
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "volume": (),
    "volume-l2": ("region.l2=0.002",),
    "l2": (
        "transformation={name='gaussian'}",
        "smoothing.scales=[]",
        "region={l2=0.02}",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or that of ``gsmooth certify`` for the same error."""
    asked = _parser().parse_args(arguments)
    try:
        network()  # Before the first clip is made: without it there is nothing to certify.
        summaries = list(_summaries(asked.source or SPLITS, asked.row or list(ROWS), asked))
    except GsmoothError as error:
        print(f"certify_speech: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("certify_speech: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    if summaries:
        from gsmooth.cli.output import console

        console().print(_table(summaries))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Certify a speech detector (Silero VAD) on clips of half a second, and attack"
        " it. Each line of the table is a run of its own, as by gsmooth certify with speech.toml;"
        " finished clips are kept, and the same command goes on from there."
    )
    parser.add_argument("--source", action="append", choices=SPLITS, help="default: all")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="default: all")
    parser.add_argument("--limit", type=int, default=20, help="clips a run (20)")
    parser.add_argument("--out", type=Path, default=Path("runs/audio"), help="runs/audio")
    return parser


def _summaries(
    sources: Sequence[str], rows: Sequence[str], asked: argparse.Namespace
) -> Iterator[tuple[str, Summary]]:
    """Source and result of each run; a source that is not installed is passed over, and said so."""
    from gsmooth.cli.output import progress
    from gsmooth.report.summary import summarize
    from gsmooth.runs.config.run_file import load_config
    from gsmooth.runs.execute import run_certify
    from gsmooth.runs.records.folder import read_records

    for source in sources:
        try:
            clips(source)
        except InputError as error:
            print(f"certify_speech: {source} is left out: {error}", file=sys.stderr)
            continue
        for row in rows:
            folder = asked.out / f"{row}-{source}"
            print(f"certify_speech: {row}, {source}: {folder}", file=sys.stderr)
            overrides = (
                f"data.split={source}",
                f"data.limit={asked.limit}",
                *ROWS[row],
                f"output.folder={folder}",
            )
            run_certify(load_config(HERE / "speech.toml", overrides), progress())
            yield source, summarize(read_records(folder))


def _table(summaries: Sequence[tuple[str, Summary]]) -> Table:
    from rich.table import Table

    table = Table("clips", "region", "clean", "certified", "under attack", "votes a clip")
    for source, summary in summaries:
        table.add_row(
            source,
            summary.region,
            str(summary.clean),
            str(summary.certified),
            str(summary.attacked),
            f"{summary.votes:,.0f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())

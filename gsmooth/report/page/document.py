"""The document: everything that the page of some runs shows, before it becomes HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from gsmooth.report.page.classes import ClassLine, class_lines, kinds_of
from gsmooth.report.page.entries import KINDS, Entry, entry_of
from gsmooth.report.page.figure import CurveFigure, curve_figures
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.paths import Attacker, Path, with_slider
from gsmooth.report.page.provenance import Provenance, provenance_of
from gsmooth.report.page.settings import PAGE
from gsmooth.report.page.statement import (
    Assumption,
    Subject,
    assumptions,
    at_the_centres,
    explanation,
    lead,
)
from gsmooth.report.page.thumbnails import Thumbnails, thumbnails_of
from gsmooth.report.summary import Summary, summarize
from gsmooth.report.totals import Totals
from gsmooth.text.display import shortened


@final
@dataclass(frozen=True)
class Pictures:
    """The pictures of one run: all images small, and paths through the attack of some of them."""

    thumbnails: Thumbnails
    paths: tuple[tuple[int, tuple[Path, ...]], ...]


@final
@dataclass(frozen=True)
class Words:
    """The statement of a run: its first sentence, the sentences after it, the assumptions.

    centres: what a class needs at a centre, beside the required share.
    """

    lead: str
    explanation: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    centres: str


@final
@dataclass(frozen=True)
class RunPart:
    """One run on the page."""

    name: str
    summary: Summary
    words: Words
    entries: tuple[Entry, ...]
    classes: tuple[ClassLine, ...]
    kinds: tuple[tuple[str, str, int], ...]
    provenance: Provenance
    pictures: Pictures | None


@final
@dataclass(frozen=True)
class Document:
    """All runs of a page, and the curves that they share."""

    runs: tuple[RunPart, ...]
    figures: tuple[CurveFigure, ...]

    @property
    def title(self) -> str:
        """The names of the runs."""
        return ", ".join(run.name for run in self.runs)

    def data(self) -> str:
        """What the script needs, as JSON; names of pictures stand for the pictures."""
        runs = [
            {
                "name": run.name,
                "entries": run.entries,
                "centres": run.words.centres,
                "thumbnails": run.pictures and _sizes(run.pictures.thumbnails),
                "paths": dict(_routes(number, run)),
            }
            for number, run in enumerate(self.runs)
        ]
        return json.dumps({"kinds": KINDS, "runs": runs}, default=vars, separators=(",", ":"))

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield (name, picture) for every picture file."""
        for number, run in enumerate(self.runs):
            if run.pictures is None:
                continue
            for place, sheet in enumerate(run.pictures.thumbnails.sheets):
                yield f"sheet-{number}-{place}", sheet
            for index, paths in run.pictures.paths:
                for place, path in enumerate(paths):
                    yield f"path-{number}-{index}-{place}", path.picture


def document_of(runs: Sequence[tuple[Totals, Attacker | None]]) -> Document:
    """Collect the document of runs, each with what makes its pictures, if there is any."""
    several = len(runs)
    parts = tuple(_part(totals, attacker, several) for totals, attacker in runs)
    return Document(parts, curve_figures([totals for totals, _ in runs]))


def _part(totals: Totals, attacker: Attacker | None, several: int) -> RunPart:
    records, summary = totals.run, summarize(totals)
    names = RunNames.of(records)
    entries = tuple(entry_of(row, records, names) for row in records.rows)
    subject = Subject(totals, names, summary)
    return RunPart(
        shortened(summary.name, PAGE.name_length),
        summary,
        Words(
            lead(subject),
            tuple(explanation(subject)),
            tuple(assumptions(subject)),
            at_the_centres(subject),
        ),
        entries,
        class_lines(entries),
        tuple(kinds_of(entries)),
        provenance_of(records),
        None if attacker is None else _pictures(totals, attacker, several),
    )


def _pictures(totals: Totals, attacker: Attacker, several: int) -> Pictures:
    rows = totals.run.rows
    thumbnails = thumbnails_of(attacker.dataset, [row.index for row in rows])
    paths: list[tuple[int, tuple[Path, ...]]] = []
    left = PAGE.sliders.bytes // several
    for row in with_slider(rows, PAGE.sliders.images // several):
        found = tuple(attacker.paths(row))
        if (left := left - sum(len(path.picture) for path in found)) < 0:
            break
        paths.append((row.index, found))
    return Pictures(thumbnails, tuple(paths))


def _sizes(thumbnails: Thumbnails) -> dict[str, object]:
    return {name: value for name, value in vars(thumbnails).items() if name != "sheets"}


def _routes(number: int, run: RunPart) -> Iterator[tuple[str, object]]:
    """Yield the paths of an image by its index, each with the name of its picture."""
    for index, paths in run.pictures.paths if run.pictures else ():
        yield (
            str(index),
            [
                {**vars(path), "picture": f"path-{number}-{index}-{place}"}
                for place, path in enumerate(paths)
            ],
        )

"""Read the line of a cell from the records of its run."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from benchmarks.plugins.cells import Cell
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.records.row import Row


@final
@dataclass(frozen=True)
class Line:
    """One line of the table. Accuracies are shares of ``images``; an abstention counts as wrong.

    clean: f without noise; standard: g at the image; certified: g on the whole region; attacked: g
    at the worst point found, None where an image was not attacked. centres: median of the centres
    that were tested; votes, seconds: means of certification. fingerprint: of the run.
    """

    cell: str
    images: int
    clean: float
    standard: float
    certified: float
    attacked: float | None
    centres: float
    votes: float
    seconds: float
    abstentions: Mapping[str, int]
    guarantees: Mapping[str, int]
    fingerprint: str


def recorded(cell: Cell, config: RunConfig) -> Line | None:
    """The line of a cell from the records of its folder; None where there are none.

    An earlier, larger run may have left more rows than ``config`` asks for.
    """
    if not (config.output.folder / "records.jsonl").exists():
        return None
    records, limit = read_records(config.output.folder), config.data.limit
    rows = [row for row in records.rows if limit is None or row.index < limit]
    return line_of(cell.name, rows, records.header.fingerprint) if rows else None


def line_of(name: str, rows: Sequence[Row], fingerprint: str) -> Line:
    """The figures of ``rows``, at least one."""

    def share(hits: int) -> float:
        return hits / len(rows)

    withstood = [row.attack.robust for row in rows if row.attack is not None]
    return Line(
        cell=name,
        images=len(rows),
        clean=share(sum(row.image.clean_prediction == row.image.label for row in rows)),
        standard=share(sum(row.image.prediction == row.image.label for row in rows)),
        certified=share(sum(row.correct_up_to(1.0) for row in rows)),
        attacked=share(sum(withstood)) if len(withstood) == len(rows) else None,
        centres=statistics.median(len(row.counts.evidence) for row in rows),
        votes=statistics.fmean(row.counts.votes for row in rows),
        seconds=statistics.fmean(row.provenance.seconds for row in rows),
        abstentions=dict(
            sorted(Counter(str(row.decision.reason) for row in rows if row.decision.reason).items())
        ),
        guarantees=dict(sorted(Counter(str(row.claim.guarantee) for row in rows).items())),
        fingerprint=fingerprint,
    )

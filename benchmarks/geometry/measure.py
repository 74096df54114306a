"""Fill one cell: run it (or go on with it), and read its line of the table from the records."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.geometry.cells import Budget, Cell, Subject, cells, config_of
from gsmooth.errors import UnreachableError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.records.row import Row


@dataclass(frozen=True)
class Line:
    """One line of the table. Accuracies are shares of ``images``; an abstention counts as wrong.

    clean: f without noise; standard: g at the image; certified: g on the whole region; attacked: g
    at the worst point found, on the same images (None: g was not attacked on all of them).
    centres: median of the centres that were tested; votes, seconds: means of certification.
    refused: why the product would not start, if so; all figures are then None.
    """

    region: str
    cover: str
    test: str
    images: int
    clean: float | None = None
    standard: float | None = None
    certified: float | None = None
    attacked: float | None = None
    centres: float | None = None
    votes: float | None = None
    seconds: float | None = None
    abstentions: Mapping[str, int] | None = None
    guarantees: Mapping[str, int] | None = None
    refused: str | None = None

    @property
    def gap(self) -> float | None:
        """Attacked less certified accuracy, as a share."""
        if self.attacked is None or self.certified is None:
            return None
        return self.attacked - self.certified


def measure(cell: Cell, subject: Subject, budget: Budget, runs: Path, progress: Progress) -> Line:
    """Run one cell; images that are in its folder already are not repeated.

    Raises ViolationError when an attack broke a certificate: that is never a figure of a table.
    """
    config = config_of(cell, subject, budget, runs)
    try:
        run_certify(config, progress)
    except UnreachableError as error:
        return Line(cell.region, cell.cover, cell.test, 0, refused=str(error))
    return line_of(cell, rows_of(config), _attacks(cell, subject, budget, runs))


def recorded(cell: Cell, subject: Subject, budget: Budget, runs: Path) -> Line | None:
    """The line of a cell from the records of an earlier run; None where there are none."""
    config = config_of(cell, subject, budget, runs)
    if not (config.output.folder / "records.jsonl").exists() or not (rows := rows_of(config)):
        return None
    return line_of(cell, rows, _attacks(cell, subject, budget, runs))


def rows_of(config: RunConfig) -> list[Row]:
    """The rows that ``config`` asks for; an earlier, larger run may have left more."""
    asked, rows = config.data, read_records(config.output.folder).rows
    ours = [row for row in rows if (row.index - asked.start) % asked.every == 0]
    return ours[: asked.limit]


def line_of(cell: Cell, rows: list[Row], attacks: Mapping[int, bool]) -> Line:
    """The figures of ``rows``; ``attacks``: by index, whether g withstood the attack."""

    def share(hits: int) -> float:
        return hits / len(rows)

    known = all(row.index in attacks for row in rows)
    return Line(
        region=cell.region,
        cover=cell.cover,
        test=cell.test,
        images=len(rows),
        clean=share(sum(row.image.clean_prediction == row.image.label for row in rows)),
        standard=share(sum(row.image.prediction == row.image.label for row in rows)),
        certified=share(sum(row.correct_up_to(1.0) for row in rows)),
        attacked=share(sum(attacks[row.index] for row in rows)) if known else None,
        centres=statistics.median(len(row.counts.evidence) for row in rows),
        votes=statistics.fmean(row.counts.votes for row in rows),
        seconds=statistics.fmean(row.provenance.seconds for row in rows),
        abstentions=dict(
            sorted(Counter(str(row.decision.reason) for row in rows if row.decision.reason).items())
        ),
        guarantees=dict(sorted(Counter(str(row.claim.guarantee) for row in rows).items())),
    )


def _attacks(cell: Cell, subject: Subject, budget: Budget, runs: Path) -> dict[int, bool]:
    """By index: did the g of this cell withstand the attack, wherever that was measured."""
    twin = next(c for c in cells() if c.attacks and c.smoothing == cell.smoothing)
    config = config_of(twin, subject, budget, runs)
    if not (config.output.folder / "run.json").exists():
        return {}
    rows = read_records(config.output.folder).rows
    return {row.index: row.attack.robust for row in rows if row.attack is not None}

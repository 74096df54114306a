"""Totals of a run's rows, from which a report is made, counted in one pass."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self, final

from gsmooth.errors import RecordError
from gsmooth.report.settings import REPORT
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row


@final
@dataclass
class RowTally:
    """A number of rows, ``count`` of ``total``."""

    count: int = 0
    total: int = 0

    def add(self, holds: bool) -> None:
        """Add a row, which counts if ``holds``."""
        self.count += holds
        self.total += 1


@final
@dataclass
class ClassTotals:
    """Sums over the rows of one true class; the fields mean what they mean in ``Totals``."""

    images: int = 0
    standard: int = 0
    abstained: int = 0
    attacked: RowTally = field(default_factory=RowTally)
    reached: Counter[float] = field(default_factory=Counter)


@final
@dataclass
class Totals:
    """Sums over the rows of a run, each of which is read once and not kept.

    run: the records. images: number of rows. clean, standard, attacked: rows that are right, of
    those with a clean prediction, of all, and of those with an attack. reached: rows whose true
    class is certified, by certified fraction of the region. partial: True if a row is certified on
    a part of its region. reasons, guarantees: rows by reason of abstention and by guarantee.
    premises: assumptions of distributional certificates. votes: forward passes of certification.
    forwards: forward passes of attacks. blind: attacks without a gradient. seconds, alpha: as in
    ``Summary``. classes: sums by true class. answers: attacked rows by true class and answer at the
    worst attack (None: abstains). cast: rows by votes. places: positions of some rows by class, for
    a contact sheet; abstained: position of the first abstention.
    """

    run: Records
    images: int = 0
    clean: RowTally = field(default_factory=RowTally)
    standard: RowTally = field(default_factory=RowTally)
    attacked: RowTally = field(default_factory=RowTally)
    reached: Counter[float] = field(default_factory=Counter)
    partial: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    guarantees: Counter[str] = field(default_factory=Counter)
    premises: set[str] = field(default_factory=set)
    votes: int = 0
    forwards: int = 0
    blind: int = 0
    seconds: float = 0.0
    alpha: float = 0.0
    classes: dict[int, ClassTotals] = field(default_factory=lambda: defaultdict(ClassTotals))
    answers: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    cast: Counter[int] = field(default_factory=Counter)
    places: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    abstained: int | None = None

    @classmethod
    def of(cls, run: Records | Totals) -> Totals:
        """Count the rows of a run, or return its totals; RecordError without rows."""
        if isinstance(run, Totals):
            return run
        totals = cls(run)._counted(run.rows)
        if not totals.images:
            raise RecordError(f"{run.path}: no finished image; run gsmooth certify first")
        return totals

    def certified(self, fraction: float) -> int:
        """Return the number of rows certified for the true class on ``fraction`` of the region."""
        return sum(count for reach, count in self.reached.items() if reach >= fraction)

    def _counted(self, rows: Iterable[Row]) -> Self:
        for row in rows:
            self._answers(row)
            self._certificate(row)
            self._of_class(row)
            self._place(row)
            self.images += 1
        return self

    def _answers(self, row: Row) -> None:
        if row.image.clean_prediction is not None:
            self.clean.add(row.image.clean_prediction == row.image.label)
        self.standard.add(row.image.prediction == row.image.label)
        if row.attack is not None:
            self.attacked.add(row.attack.robust)
            self.answers[row.image.label, row.attack.label] += 1
            self.forwards += row.attack.forwards
            self.blind += row.attack.missing_gradient is True

    def _certificate(self, row: Row) -> None:
        if row.claim.fraction is not None and row.decision.certified_label == row.image.label:
            self.reached[row.claim.fraction] += 1
        self.partial |= row.claim.fraction not in (None, 1.0)
        if row.decision.reason:
            self.reasons[str(row.decision.reason)] += 1
        if row.claim.premise:
            self.premises.add(row.claim.premise.describe())
        self.guarantees[str(row.claim.guarantee)] += 1
        self.votes += row.counts.votes
        self.cast[row.counts.votes] += 1
        self.seconds += row.provenance.seconds
        self.alpha = max(self.alpha, row.claim.alpha)

    def _of_class(self, row: Row) -> None:
        own = self.classes[row.image.label]
        own.images += 1
        own.standard += row.image.prediction == row.image.label
        own.abstained += not row.is_certified
        if row.attack is not None:
            own.attacked.add(row.attack.robust)
        if row.claim.fraction is not None and row.correct_up_to(row.claim.fraction):
            own.reached[row.claim.fraction] += 1

    def _place(self, row: Row) -> None:
        if len(places := self.places[row.image.label]) < REPORT.sheet_images:
            places.append(self.images)
        if self.abstained is None and not row.is_certified:
            self.abstained = self.images

    def shown(self) -> list[Row]:
        """Return up to eight rows: classes in turn, and an abstention if there is one."""
        order = (
            (turn, label, place)
            for label, places in self.places.items()
            for turn, place in enumerate(places)
        )
        rows = [self.run.rows[place] for _, _, place in heapq.nsmallest(REPORT.sheet_images, order)]
        if self.abstained is not None and all(row.is_certified for row in rows):
            rows[-1] = self.run.rows[self.abstained]
        return rows

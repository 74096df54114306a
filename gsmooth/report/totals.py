"""Totals: all that a report says of a run's rows, counted in one pass over them."""

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
    """How many of how many rows."""

    count: int = 0
    total: int = 0

    def add(self, holds: bool) -> None:
        """One more row."""
        self.count += holds
        self.total += 1


@final
@dataclass
class Totals:
    """Sums over the rows of a run; no row is kept, and none is looked at twice.

    clean, attacked: of the rows that have a clean prediction, or an attack. reached: rows whose
    true class is certified, by the fraction of the region up to which it is. partial: some row is
    certified on a part of its region. forwards: of all attacks; blind: attacks without
    a gradient to follow. places: where the rows stand, by
    class, of which a contact sheet takes its images; abstained: the first of those.
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
    places: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    abstained: int | None = None

    @classmethod
    def of(cls, run: Records | Totals) -> Totals:
        """Those of a run, or what has been counted already; RecordError without a row."""
        if isinstance(run, Totals):
            return run
        totals = cls(run)._counted(run.rows)
        if not totals.images:
            raise RecordError(f"{run.path}: no finished image; run gsmooth certify first")
        return totals

    def certified(self, fraction: float) -> int:
        """Rows whose true class is certified on the region scaled by ``fraction``."""
        return sum(count for reach, count in self.reached.items() if reach >= fraction)

    def _counted(self, rows: Iterable[Row]) -> Self:
        for row in rows:
            self._answers(row)
            self._certificate(row)
            self._place(row)
            self.images += 1
        return self

    def _answers(self, row: Row) -> None:
        if row.image.clean_prediction is not None:
            self.clean.add(row.image.clean_prediction == row.image.label)
        self.standard.add(row.image.prediction == row.image.label)
        if row.attack is not None:
            self.attacked.add(row.attack.robust)
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
        self.seconds += row.provenance.seconds
        self.alpha = max(self.alpha, row.claim.alpha)

    def _place(self, row: Row) -> None:
        if len(places := self.places[row.image.label]) < REPORT.sheet_images:
            places.append(self.images)
        if self.abstained is None and not row.is_certified:
            self.abstained = self.images

    def shown(self) -> list[Row]:
        """Up to eight rows: one of every class in turn, and an abstention where there is one."""
        order = (
            (turn, label, place)
            for label, places in self.places.items()
            for turn, place in enumerate(places)
        )
        rows = [self.run.rows[place] for _, _, place in heapq.nsmallest(REPORT.sheet_images, order)]
        if self.abstained is not None and all(row.is_certified for row in rows):
            rows[-1] = self.run.rows[self.abstained]
        return rows

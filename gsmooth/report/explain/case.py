"""Case: one image of a run, as far as its record and the run's settings say what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

from gsmooth.data.class_names import class_label
from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.report.explain.centre import CentreVotes
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.stored_rows import StoredRows
from gsmooth.runs.verify.profiles import setting
from gsmooth.runs.verify.runner_up import mixture_of_row
from gsmooth.theory.centre_test import ONE_SIDED, ClassCounts
from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Parameter


@final
@dataclass(frozen=True)
class Case:
    """One image, its record and the settings that it was decided by.

    Args:
        row: The record.
        config: The configuration of the run, as ``run.json`` has it.
        parameters: Those of the transformation.
        class_names: One for each output of the model; None where they have no names.
        truth: The true class; None where it is not known.
    """

    row: Row
    config: Mapping[str, object]
    parameters: tuple[Parameter, ...] = ()
    class_names: tuple[str, ...] | None = None
    truth: int | None = None

    @staticmethod
    def of(records: Records, row: Row) -> Case:
        """The case of one row of a run."""
        header = records.header
        return Case(row, header.config, header.parameters, header.class_names, row.image.label)

    @property
    def radius(self) -> bool:
        """Whether every centre's bound counts, so that a part of the region is an answer."""
        return self.row.claim.mode != "region"

    @property
    def selected(self) -> int:
        """The class that was tested."""
        return self.row.decision.selected_label

    @property
    def online(self) -> bool:
        """Whether the certificate is about the originals of an attacked image."""
        return setting(self.config, "certify.guarantee") == "online"

    @property
    def streamed(self) -> bool:
        """Whether the votes of a centre could end at any time."""
        if self.row.claim.mode == "radius":
            return setting(self.config, "certify.bound") == "sequence"
        fixed = setting(self.config, "certify.rule") == "fixed"
        return self.row.claim.mode == "region" and not fixed

    @property
    def level(self) -> float:
        """The level of the test of one centre."""
        claim = self.row.claim
        if claim.mode == "nested":
            inner = setting(self.config, "certify.alpha_inner")
            return claim.alpha - (inner if isinstance(inner, float) else claim.alpha / 2)
        if claim.mode == "region" and not self.streamed:
            return claim.alpha / claim.attempts / max(1, len(self.row.counts.evidence))
        return claim.alpha / claim.attempts

    @cached_property
    def law(self) -> Law | None:
        """The law of the noise; None where schema 2 does not state it."""
        try:
            return self.row.randomness.noise.build()
        except ConfigurationError:
            return None

    @cached_property
    def centres(self) -> tuple[CentreVotes, ...]:
        """The centres of the cover with their votes, in the order of the record."""
        mixture = mixture_of_row(self.row, self.config) if self.streamed else ONE_SIDED
        prior = ClassCounts.of(self.row.image.prediction_counts, self.selected)
        return tuple(
            CentreVotes.of(place, self.row, self.level, mixture if self.streamed else None, prior)
            for place in range(len(self.row.counts.evidence))
        )

    def named(self, label: int) -> str:
        """A class in a sentence: ``class 3``, or ``'stop' (class 3)``."""
        names = self.class_names
        if not names or not 0 <= label < len(names) or names[label] == str(label):
            return f"class {label}"
        return f"'{class_label(names, label)}' (class {label})"


def case_of(records: Records, index: int) -> Case:
    """The case of one image of a run.

    Raises:
        RecordError: The image has no row; the message says which images have one.
    """
    rows = records.rows
    known = rows.indices.tolist() if isinstance(rows, StoredRows) else [r.index for r in rows]
    if index not in known:
        few = ", ".join(map(str, known[:8])) + (", ..." if len(known) > 8 else "")
        raise RecordError(
            f"{records.path}: image {index} has no row; {len(known)} images have one: {few or '-'}"
        )
    return Case.of(records, rows[known.index(index)])

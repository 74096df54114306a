"""Confusions under attack: what g answers at the worst attack found, by true class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from gsmooth.errors import ConfigurationError
from gsmooth.report.run_counts import RunCounts
from gsmooth.report.settings import REPORT
from gsmooth.report.table_text import TextCell, TextTable

ABSTAINS: Final = "abstains"


@final
@dataclass(frozen=True)
class Confusion:
    """Attacked images of one class with one answer.

    Args:
        label: The true class.
        answer: The class that PREDICT gives at the worst attack; None: it abstains.
        images: Number of such images.
    """

    label: int
    answer: int | None
    images: int


@final
@dataclass(frozen=True)
class Confusions:
    """All answers of a run under attack.

    Args:
        run: Name of the run.
        classes: (number, name) of each class that occurs.
        counts: The pairs that occur, the right ones included, by true class and answer.
    """

    run: str
    classes: tuple[tuple[int, str], ...]
    counts: tuple[Confusion, ...]

    def name(self, label: int | None) -> str:
        """Return the name of a class, and ``abstains`` for None."""
        return ABSTAINS if label is None else dict(self.classes)[label]


def confusions(run: RunCounts) -> Confusions:
    """Count the answers at the worst attacks of a run.

    Raises:
        ConfigurationError: The run made no attack.
    """
    if not run.answers:
        raise ConfigurationError(
            f"confusion: {run.name} has no attacks; certify with attack.enabled = true (the"
            " default of gsmooth certify)"
        )
    occurring = {label for pair in run.answers for label in pair if label is not None}
    order = sorted(run.answers.items(), key=lambda item: (item[0][0], _place(item[0][1])))
    return Confusions(
        run.name,
        tuple((label, run.class_name(label)) for label in sorted(occurring)),
        tuple(Confusion(label, answer, images) for (label, answer), images in order),
    )


def confusion_text(found: Confusions) -> TextTable:
    """Lay out confusions: a matrix of few classes, or else a list of the most frequent ones."""
    if len(found.classes) <= REPORT.field.matrix_classes:
        return _matrix(found)
    return _pairs(found)


def _place(answer: int | None) -> tuple[bool, int]:
    return answer is None, answer or 0


def _matrix(found: Confusions) -> TextTable:
    counts = {(one.label, one.answer): one.images for one in found.counts}
    answers: list[int | None] = [label for label, _ in found.classes]
    if any(one.answer is None for one in found.counts):
        answers.append(None)
    rows = [
        (TextCell(name), *(TextCell(str(counts.get((label, a), 0))) for a in answers))
        for label, name in found.classes
        if any(one.label == label for one in found.counts)
    ]
    header = ("true class", *(found.name(answer) for answer in answers))
    return TextTable(header, tuple(rows), 1, tuple(_notes(found)))


def _pairs(found: Confusions) -> TextTable:
    wrong = [one for one in found.counts if one.answer != one.label]
    wrong.sort(key=lambda one: -one.images)
    rows = [
        tuple(map(TextCell, (found.name(one.label), found.name(one.answer), str(one.images))))
        for one in wrong[: REPORT.field.confusions]
    ]
    notes = list(_notes(found))
    if left := len(wrong) - len(rows):
        notes.append(f"{left} further confusions are not shown; --format csv has all of them.")
    return TextTable(("true class", "answer", "images"), tuple(rows), 2, tuple(notes))


def _notes(found: Confusions) -> Iterator[str]:
    images = sum(one.images for one in found.counts)
    right = sum(one.images for one in found.counts if one.answer == one.label)
    yield (
        f"{found.run}: answers of g (PREDICT) at the worst attack found, {right} of {images} right."
    )

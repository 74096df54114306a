"""The classes of a run: how many images of each have which verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from gsmooth.report.page.entries import KINDS, Entry


@final
@dataclass(frozen=True)
class ClassLine:
    """One class: its number and name, its images, and how many of them have each verdict.

    standard: images for which g gives the true class. votes: mean votes of an image.
    """

    label: int
    name: str
    images: int
    standard: int
    kinds: tuple[int, ...]
    votes: float


def class_lines(entries: Sequence[Entry]) -> tuple[ClassLine, ...]:
    """Count the entries by true class, in the order of the classes."""
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.answers.label, []).append(entry)
    return tuple(_line(label, group) for label, group in sorted(groups.items()))


def kinds_of(entries: Sequence[Entry]) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, its name, number of entries) for the kinds of verdicts that occur."""
    counted = Counter(entry.kind for entry in entries)
    yield from ((kind, name, counted[kind]) for kind, name in KINDS.items() if counted[kind])


def _line(label: int, group: Sequence[Entry]) -> ClassLine:
    counted = Counter(entry.kind for entry in group)
    return ClassLine(
        label,
        group[0].answers.true,
        len(group),
        sum(entry.answers.smoothed_is_right for entry in group),
        tuple(counted[kind] for kind in KINDS),
        sum(entry.votes for entry in group) / len(group),
    )

"""Entries of the grid: what the page holds of every image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from gsmooth.certificate import CentreEvidence
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.settings import PAGE
from gsmooth.report.page.why import least_to_spare, why
from gsmooth.report.reach import verdict_of
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.row_parts import AttackRecord
from gsmooth.text.rounding import text_up

KINDS = {
    "certified": "Certified",
    "partly": "Certified in part",
    "wrong": "Certified, wrong class",
    "abstained": "No certificate",
}
"""Kinds of verdicts, in the order in which the page lists them."""


@final
@dataclass(frozen=True)
class CentreEntry:
    """The votes at one centre: where it is, what it needs, what it got, and the result."""

    at: str
    needs: str
    successes: int
    trials: int
    verdict: str


@final
@dataclass(frozen=True)
class AttackEntry:
    """The worst attack found: where, and the class that g gives there."""

    at: str
    answer: str
    robust: bool
    forwards: int


@final
@dataclass(frozen=True)
class Answers:
    """The classes of an image: the true one, those of f and g without attack, and votes of g."""

    label: int
    true: str
    clean: str
    smoothed: str
    smoothed_is_right: bool
    counts: tuple[tuple[str, int], ...]


@final
@dataclass(frozen=True)
class Entry:
    """One image.

    kind: one of ``KINDS``; reason: of an abstention; verdict: the certificate in a few words; why:
    sentences, if it is not right; fraction: certified fraction of the region, 0 for an abstention;
    votes: forward passes of certification; centres: some of ``of_centres``.
    """

    index: int
    kind: str
    reason: str
    verdict: str
    why: tuple[str, ...]
    fraction: float
    votes: int
    seconds: float
    answers: Answers
    attack: AttackEntry | None
    centres: tuple[CentreEntry, ...]
    of_centres: int


def entry_of(row: Row, records: Records, names: RunNames) -> Entry:
    """Make the entry of one row of a run."""
    evidence = row.counts.evidence
    shown = least_to_spare(evidence)[: PAGE.centres]
    return Entry(
        index=row.index,
        kind=kind_of(row),
        reason=str(row.decision.reason or ""),
        verdict=verdict_of(row, names.parameters, names.online),
        why=why(records, row),
        fraction=row.claim.fraction or 0.0,
        votes=row.counts.votes,
        seconds=round(row.provenance.seconds, 3),
        answers=_answers(row, names),
        attack=None if row.attack is None else _attack(row.attack, names),
        centres=tuple(_centre(centre, names) for centre in shown),
        of_centres=len(evidence),
    )


def kind_of(row: Row) -> str:
    """Return the kind of a verdict, a key of ``KINDS``."""
    if not row.is_certified:
        return "abstained"
    if row.decision.certified_label != row.image.label:
        return "wrong"
    return "certified" if row.claim.fraction == 1.0 else "partly"


def _answers(row: Row, names: RunNames) -> Answers:
    image = row.image
    clean = "a tie" if image.clean_prediction is None else names.class_(image.clean_prediction)
    return Answers(
        image.label,
        names.class_(image.label),
        clean,
        names.class_(image.prediction),
        image.prediction == image.label,
        tuple(_most(image.prediction_counts, names)),
    )


def _most(counts: tuple[int, ...], names: RunNames) -> Iterator[tuple[str, int]]:
    """Yield the classes with most selection votes, then the other votes and ties as one."""
    order = sorted(range(len(counts) - 1), key=lambda label: -counts[label])
    leading = [label for label in order if counts[label]][: PAGE.classes]
    yield from ((names.class_(label), counts[label]) for label in leading)
    if rest := sum(counts) - sum(counts[label] for label in leading):
        yield "others and ties", rest


def _attack(attack: AttackRecord, names: RunNames) -> AttackEntry:
    return AttackEntry(
        names.point(attack.theta), names.class_(attack.label), attack.robust, attack.forwards
    )


def _centre(centre: CentreEvidence, names: RunNames) -> CentreEntry:
    needs = f"{text_up(100 * centre.required_p, 4)}%"
    point = names.point(centre.theta)
    return CentreEntry(point, needs, centre.successes, centre.trials, str(centre.verdict))

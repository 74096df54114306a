"""Limit: what stands between an image and its certificate, as far as the record shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from gsmooth.certificate import AbstainReason
from gsmooth.report.explain.case import Case
from gsmooth.report.explain.centre import CentreVotes


class Limit(StrEnum):
    """What an image lacks for a certificate of its true class on the whole region."""

    NONE = "none"  # it has one
    WRONG_CLASS = "wrong class"  # g is sure of another class than the true one
    ATTACKED = "attacked"  # an attack changes the answer: there is nothing to certify
    NOISE = "noise"  # g is not sure of the image itself, under this noise
    CLASS_LOST = "class lost"  # another class has more votes at a centre
    VOTES = "votes"  # more votes are expected to do
    MARGIN = "margin"  # the class leads at the centre, by less than it has to
    UNREACHABLE = "unreachable"  # a margin is infinite: no number of votes could do
    IMPOSSIBLE = "impossible"  # online: no original can have become this image


@final
@dataclass(frozen=True)
class Diagnosis:
    """What a record shows of its image.

    Args:
        case: The image.
        limit: What it lacks.
        centre: The centre that decided; None without a cover.
        needed_p: What this centre had to show, or has to show for a larger part of the region.
        enough: Votes at this centre that would do at the same shares; None if no number would.
    """

    case: Case
    limit: Limit
    centre: CentreVotes | None
    needed_p: float = 0.0
    enough: int | None = None

    @property
    def expected_votes(self) -> int | None:
        """Votes for the whole image that would do at the same shares; None if not known."""
        case, mine = self.case, self.centre
        if mine is None or self.enough is None:
            return None
        others = [c for c in case.centres if c.place != mine.place and not c.accepted]
        more = [c.enough_votes() for c in others]
        if any(votes is None for votes in more):
            return None
        spent = case.row.counts.votes - sum(c.centre.trials for c in (mine, *others))
        return spent + self.enough + sum(votes or 0 for votes in more)


def diagnosis_of(case: Case) -> Diagnosis:
    """What the record of an image says about what it lacks."""
    centre = deciding_centre(case)
    if centre is None:
        return Diagnosis(case, _without_centre(case), None)
    needed = centre.next_required_p if case.radius else centre.centre.required_p
    enough = centre.enough_votes(needed)
    return Diagnosis(case, _limit(case, centre, enough), centre, needed, enough)


def deciding_centre(case: Case) -> CentreVotes | None:
    """The centre that failed, or that is the hardest one where all were passed."""
    centres = case.centres
    if case.radius:
        return min(centres, key=lambda c: (c.supported, -c.centre.required_p), default=None)
    failed = [c for c in centres if c.tested and not c.accepted]
    waiting = [c for c in centres if not c.tested]
    return max(failed or waiting or list(centres), key=lambda c: c.centre.required_p, default=None)


def _without_centre(case: Case) -> Limit:
    impossible = case.row.decision.reason is AbstainReason.IMPOSSIBLE
    return Limit.IMPOSSIBLE if impossible else Limit.NOISE


def _limit(case: Case, centre: CentreVotes, enough: int | None) -> Limit:
    row = case.row
    wrong = case.truth is not None and case.truth != case.selected
    if row.is_certified and (wrong or row.claim.fraction == 1.0):
        return Limit.WRONG_CLASS if wrong else Limit.NONE
    if row.decision.reason is AbstainReason.UNREACHABLE:
        return Limit.UNREACHABLE
    if is_broken(case):
        return Limit.ATTACKED
    if row.image.prediction is None and enough is None:
        return Limit.NOISE
    if wrong:
        return Limit.WRONG_CLASS
    if centre.lost:
        return Limit.CLASS_LOST
    return Limit.MARGIN if enough is None else Limit.VOTES


def is_broken(case: Case) -> bool:
    """Whether the attack found a place in the region where g answers another class."""
    attack, row = case.row.attack, case.row
    if attack is None or attack.label is None or case.online or row.is_certified:
        return False
    return attack.label != row.decision.selected_label

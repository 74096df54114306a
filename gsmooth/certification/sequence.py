"""Radius mode with a confidence sequence: votes end when more would hardly add to the radius."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gsmooth.certification.rules import RadiusMode
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.theory.centre_test import (
    ONE_SIDED,
    CentreMixture,
    ClassCounts,
    anytime_required_p,
)
from gsmooth.theory.sequential import StreamedSample, anytime_lower


def until_enough(
    session: VotingSession,
    mode: RadiusMode,
    place: int,
    reach: Callable[[float], float],
    goal: float,
) -> Voting[tuple[Counts, float]]:
    """The votes of one centre by class, ties last, and the lower bound that they give.

    The bound is valid at all looks together: with probability at least 1 - alpha it never exceeds p
    (S6), so it may decide when to stop.

    Args:
        session: The session of the image.
        mode: The rule, with bound "sequence".
        place: The number of the ball.
        reach: The fraction that a lower bound supports.
        goal: The largest fraction that is of use.
    """
    tally, cast, chunk = session.untallied(), 0, 0
    for due in looks(mode.most):
        counts = yield session.requests(place, chunk, due - cast)
        chunk += len(counts)
        session.votes += due - cast
        tally, cast = tally + counts.sum(axis=0), due
        found = session.counts(tally)
        if enough(found, mode, reach, goal, session.mixture):
            break
    return tally, anytime_required_p(found, mode.alpha, session.mixture)


def enough(
    counts: ClassCounts,
    mode: RadiusMode,
    reach: Callable[[float], float],
    goal: float = 1.0,
    mixture: CentreMixture = ONE_SIDED,
) -> bool:
    """True if the fraction supported now is at least 1 - within of what all n votes could give.

    What n votes could give is computed from an upper bound on p, valid at all looks at level
    ``futility``. If that bound fails, the fraction is smaller than it could have been, but sound.

    Args:
        counts: The votes so far.
        mode: The rule, with bound "sequence".
        reach: The fraction that a lower bound supports.
        goal: The largest fraction that is of use.
        mixture: The weights of the tests that the bound inverts.
    """
    if counts.trials >= mode.most:
        return True
    now = reach(anytime_required_p(counts, mode.alpha, mixture))
    return now >= (1.0 - mode.within) * min(goal, reach(_best_bound(counts, mode, mixture)))


def looks(n: int) -> Iterator[int]:
    """The numbers of votes at which the bound is evaluated, ascending to n."""
    due = min(CERTIFICATION.radius.first_look, n)
    while due < n:
        yield due
        due = min(n, max(due + 1, round(due * CERTIFICATION.radius.growth)))
    yield n


def _best_bound(counts: ClassCounts, mode: RadiusMode, mixture: CentreMixture) -> float:
    """The lower bound that n votes would give at the upper bound on p.

    Other classes are then taken to have the same parts of the votes that are not for the class.
    """
    at_most = 1.0
    if counts.failures:
        mirrored = StreamedSample(counts.failures, counts.trials)
        at_most -= anytime_lower(mirrored, mode.futility)
    best = min(counts.won + mode.most - counts.trials, int(at_most * mode.most))
    won = max(best, counts.won)
    part = (mode.most - won) / max(1, counts.failures)
    rivals = tuple(int(part * votes) for votes in counts.rivals)
    return anytime_required_p(ClassCounts(won, rivals, mode.most), mode.alpha, mixture)

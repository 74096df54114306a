"""Radius mode with a confidence sequence: votes until more of them could hardly add anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gsmooth.certification.rules import RadiusMode
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.theory.sequential import StreamedSample, anytime_lower


def until_enough(
    session: VotingSession,
    mode: RadiusMode,
    place: int,
    reach: Callable[[float], float],
    goal: float,
) -> Voting[tuple[Counts, float]]:
    """The votes of one centre by class, ties last, and the lower bound that they show.

    The bound is valid at all looks together (S6), so it may decide when to stop: whatever the rule,
    it exceeds p with probability at most alpha.
    """
    tally, cast, chunk = session.untallied(), 0, 0
    for due in looks(mode.most):
        counts = yield session.requests(place, chunk, due - cast)
        chunk += len(counts)
        session.votes += due - cast
        tally, cast = tally + counts.sum(axis=0), due
        sample = StreamedSample(int(tally[session.label]), cast)
        if enough(sample, mode, reach, goal):
            break
    return tally, anytime_lower(sample, mode.alpha)


def enough(
    sample: StreamedSample, mode: RadiusMode, reach: Callable[[float], float], goal: float = 1.0
) -> bool:
    """Whether the fraction supported now is at least 1 - within of what all n votes could give.

    reach: the fraction that a lower bound supports; more than ``goal`` is of no use. What n votes
    could give is judged by an upper bound on p, valid at all looks at level ``futility``: where
    that fails the fraction is smaller than it might have been, never false.
    """
    if sample.trials >= mode.most:
        return True
    now = reach(anytime_lower(sample, mode.alpha))
    return now >= (1.0 - mode.within) * min(goal, reach(_hope(sample, mode)))


def looks(n: int) -> Iterator[int]:
    """Numbers of votes at which to look, ascending to n."""
    due = min(CERTIFICATION.radius.first_look, n)
    while due < n:
        yield due
        due = min(n, max(due + 1, round(due * CERTIFICATION.radius.growth)))
    yield n


def _hope(sample: StreamedSample, mode: RadiusMode) -> float:
    """The lower bound that n votes would show if p were as large as it may be."""
    at_most = 1.0
    if sample.failures:
        mirrored = StreamedSample(sample.failures, sample.trials)
        at_most -= anytime_lower(mirrored, mode.futility)
    best = min(sample.successes + mode.most - sample.trials, int(at_most * mode.most))
    return anytime_lower(StreamedSample(max(best, sample.successes), mode.most), mode.alpha)

"""Region mode: one centre after the other, until one fails or all pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from gsmooth.certificate import AbstainReason, Step, Verdict
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.rules import RegionMode, chunks
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.certification.stopping import least_votes, votes_to_next_look
from gsmooth.cover import Ball
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.bounds import FixedBound, FixedSample
from gsmooth.theory.centre_test import CentreTest, ClassCounts
from gsmooth.theory.normal import normal_cdf, normal_quantile


def run_region_test(session: VotingSession) -> Voting[Outcome]:
    """Test the centres of a cover.

    With the order "inside-out" the region that was reached is certified. If it is too large, the
    first centre in this order whose p is below its required share was accepted, which has
    probability at most ``session.level`` (C5).
    """
    mode, balls = _rule(session), session.cover.balls
    session.begin([_profile(ball) if mode.order == "inside-out" else () for ball in balls])
    order = list(range(len(balls)))
    if mode.order == "inside-out":
        order.sort(key=lambda place: balls[place].start)
    for rank, place in enumerate(order):
        ahead = order[rank : rank + 1] if mode.order == "inside-out" else order[rank:]
        if any(balls[one].unreachable for one in ahead):
            return _reached(session, place, AbstainReason.UNREACHABLE)
        least = _least(session, [balls[one] for one in ahead])
        if least is None or session.votes + least > mode.max_votes:
            needed = None if least is None else session.votes + least
            return _reached(session, place, AbstainReason.BUDGET, needed)
        if _exceeds(session, ahead):
            return _reached(session, place, AbstainReason.FUTILE)
        if mode.streamed:
            verdict, tally = yield from _stream(session, place, ahead[1:])
        else:
            verdict, tally = yield from _bonferroni(session, place)
        session.record(place, tally, verdict)
        if verdict is not Verdict.ACCEPTED:
            futile = verdict is Verdict.FUTILE
            reason = AbstainReason.FUTILE if futile else AbstainReason.BUDGET
            return _reached(session, place, reason)
    return session.certified(1.0)


def _rule(session: VotingSession) -> RegionMode:
    assert isinstance(session.task.rule, RegionMode)
    return session.task.rule


def _exceeds(session: VotingSession, places: Sequence[int]) -> bool:
    """Whether these balls are expected to cost far more votes than are left."""
    mode = _rule(session)
    left = mode.max_votes - session.votes
    return mode.streamed and session.expected(places) > CERTIFICATION.giving_up.leeway * left


def _stream(
    session: VotingSession, place: int, waiting: Sequence[int]
) -> Voting[tuple[Verdict, Counts]]:
    """Votes until the test accepts or the centre is given up; looks whenever it can accept.

    What the centres that wait need, even if all votes there agree, is kept for them.
    """
    mode, required_p = _rule(session), session.cover.balls[place].required_p
    test, found = CentreTest(required_p, session.level, session.mixture), None
    tally, cast, chunk, judged = session.untallied(), 0, 0, 0
    balls = [session.cover.balls[one] for one in waiting]
    most = mode.max_votes - (_least(session, balls) or 0)
    while rows := votes_to_next_look(test, found, most - session.votes):
        counts = yield session.requests(place, chunk, rows)
        chunk += 1
        session.votes += rows
        tally, cast = tally + counts[0], cast + rows
        found = session.counts(tally)
        if test.accepts(found):
            return Verdict.ACCEPTED, tally
        if test.is_futile(found, mode.futility):
            return Verdict.FUTILE, tally
        if cast - judged >= CERTIFICATION.giving_up.votes_between:
            judged, left = cast, mode.max_votes - session.votes
            expected = _forecast(mode, test, found)
            expected += session.expected(waiting, (place, found.won, found.trials))
            if expected > CERTIFICATION.giving_up.leeway * (cast + left):
                break
    return Verdict.EXHAUSTED, tally


def _forecast(mode: RegionMode, test: CentreTest, counts: ClassCounts) -> float:
    """Expected votes of this centre in all, at an upper bound on its p; 0 if votes are unanimous.

    Giving up is always sound; it saves votes for a second attempt. With a test of the runner-up p
    is that of a class which is ahead of all others together by the same gap.
    """
    if counts.failures == 0:
        return 0.0
    level = CERTIFICATION.giving_up.level
    upper_p = float(special.betaincinv(counts.won + 1.0, counts.failures, level))
    if test.mixture.runner_up:
        second, others = counts.rivals[0], counts.trials - counts.rivals[0]
        lower = special.betaincinv(second, others + 1.0, 1.0 - level) if second else 0.0
        below = max(lower, 1.0 / (counts.trials + 1.0))
        gap = normal_quantile(upper_p) - normal_quantile(below)
        upper_p = max(upper_p, float(normal_cdf(0.5 * gap)))
    return float(mode.price.votes(np.array([test.required_p]), np.array([upper_p]))[0])


def _bonferroni(session: VotingSession, place: int) -> Voting[tuple[Verdict, Counts]]:
    """n votes fixed in advance and a bound at alpha / k, although alpha would do at each (C5)."""
    balls, cast = session.cover.balls, chunks(_rule(session).n) * CHUNK
    counts = yield session.requests(place, 0, cast)
    session.votes += cast
    tally = counts.sum(axis=0)
    bound = FixedBound(cast, session.level / len(balls))
    passed = bound.lower(FixedSample(int(tally[session.label]), cast)) > balls[place].required_p
    return (Verdict.ACCEPTED if passed else Verdict.FUTILE), tally


def _least(session: VotingSession, balls: Sequence[Ball]) -> int | None:
    """The least unanimous votes that these balls still need; None if no number suffices."""
    mode = _rule(session)
    if mode.rule == "fixed":
        return len(balls) * chunks(mode.n) * CHUNK
    total = 0
    for ball in balls:
        if (least := least_votes(ball.required_p, session.level, session.mixture)) is None:
            return None
        total += least
    return total


def _reached(
    session: VotingSession, failed: int, reason: AbstainReason, least_n: int | None = None
) -> Outcome:
    """The region below the piece of the failed ball, with the order "inside-out"; or nothing."""
    start = session.cover.balls[failed].start
    if _rule(session).order == "inside-out" and start > 0.0:
        return session.certified(start)
    return session.abstained(reason, least_n)


def _profile(ball: Ball) -> tuple[Step, ...]:
    """With the order "inside-out" a profile starts where the centre is needed."""
    start = (Step(ball.start, 0.0),) if ball.start > 0.0 else ()
    return (*start, Step(1.0, ball.required_p))

"""Radius mode: how much of the region do the votes at every centre support?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gsmooth.certificate import AbstainReason, Step, Verdict
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.rules import RadiusMode, chunks
from gsmooth.certification.sequence import until_enough
from gsmooth.certification.session import Counts, Voting, VotingSession
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.certification.stopping import least_votes
from gsmooth.cover import Ball
from gsmooth.errors import UnreachableError
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.theory.bounds import (
    FixedBound,
    FixedSample,
    least_n_fixed,
    randomized_clopper_pearson_lower,
)
from gsmooth.theory.normal import normal_quantile


def run_radius_test(session: VotingSession) -> Voting[Outcome]:
    """Test centres from the inside outwards, as long as they can still enlarge the region.

    The certified fraction is the least of the fractions that the bounds of the centres support. If
    it is too large, then p_lower > p at the one centre that limits the true region, which has
    probability at most alpha (C5).
    """
    mode, balls = session.task.rule, session.cover.balls
    assert isinstance(mode, RadiusMode)
    rng = SampleKey(session.task.smoothed.seed, session.index, Stream.BOUND, 0, 0).generator()
    draws = rng.random(len(balls))
    order = sorted(range(len(balls)), key=lambda i: balls[i].start)
    session.begin([ball.profile for ball in balls])
    fraction = 1.0
    for place in order:
        ball = balls[place]
        if ball.start >= fraction:
            break
        if mode.bound == "sequence":
            tally, p_lower = yield from _streamed(session, mode, place, fraction)
        else:
            tally, p_lower = yield from _fixed(session, mode, place, float(draws[place]))
        profile = ball.profile_for(p_lower)
        reached = _supported(profile, p_lower)
        fraction = min(fraction, reached)
        verdict = Verdict.ACCEPTED if reached > ball.start else Verdict.FUTILE
        session.record(place, tally, verdict, profile)
    if fraction <= 0.0:
        if max(_first_required_p(ball) for ball in balls if ball.start == 0.0) >= 1.0:
            return session.abstained(AbstainReason.UNREACHABLE)
        least = _least(session, mode)
        enough = least is not None and least <= mode.most
        reason = AbstainReason.FUTILE if enough else AbstainReason.BUDGET
        return session.abstained(reason, None if enough else least)
    return session.certified(fraction)


def _fixed(
    session: VotingSession, mode: RadiusMode, place: int, draw: float
) -> Voting[tuple[Counts, float]]:
    """n votes fixed in advance and one confidence bound on them: S1, or S7 if it is randomized."""
    cast = mode.most
    counts = yield session.requests(place, 0, cast)
    session.votes += cast
    tally = counts.sum(axis=0)
    won = int(tally[session.label])
    if mode.bound == "randomized":
        return tally, randomized_clopper_pearson_lower(won, cast, mode.alpha, draw)
    return tally, FixedBound(cast, mode.alpha).lower(FixedSample(won, cast))


def _streamed(
    session: VotingSession, mode: RadiusMode, place: int, goal: float
) -> Voting[tuple[Counts, float]]:
    """Votes until more could hardly add to the fraction; the bound holds at every look (S6)."""
    reach = _reach(session.cover.balls[place])
    return (yield from until_enough(session, mode, place, reach, goal))


def _reach(ball: Ball) -> Callable[[float], float]:
    """About the fraction that a lower bound supports; it only decides when to stop."""
    if ball.required_p_at is None:
        return lambda p_lower: _supported(ball.profile, p_lower)
    fractions = np.linspace(0.0, 1.0, CERTIFICATION.radius.fractions)
    # Margins are nearly linear in the fraction; beyond a margin of 8 the share is 1 in float64.
    shares = np.array([ball.required_p_at(fraction) for fraction in fractions.tolist()])
    margins = np.minimum(normal_quantile(shares), 8.0)
    return lambda p_lower: float(np.interp(normal_quantile(p_lower), margins, fractions))


def _least(session: VotingSession, mode: RadiusMode) -> int | None:
    """The least unanimous votes a centre that support a fraction above 0; None if none do."""
    balls = session.cover.balls
    required_p = max(_first_required_p(ball) for ball in balls if ball.start == 0.0)
    if mode.bound == "sequence":
        return least_votes(required_p, mode.alpha, session.mixture)
    try:
        return chunks(least_n_fixed(required_p, mode.alpha)) * CHUNK
    except UnreachableError:
        return None


def _supported(profile: tuple[Step, ...], p_lower: float) -> float:
    """Largest fraction whose share, and every smaller one's, lies below p_lower."""
    fraction = 0.0
    for step in profile:
        # A required share of 0 needs no vote: the region has not reached this ball's piece.
        if step.required_p > 0.0 and step.required_p >= p_lower:
            break
        fraction = step.fraction
    return fraction


def _first_required_p(ball: Ball) -> float:
    """The share that the smallest sub-region requires."""
    return ball.profile[0].required_p if ball.required_p_at is None else ball.required_p_at(0.0)

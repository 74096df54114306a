"""Radius mode: how much of the region numbers of votes that were fixed in advance support."""

from __future__ import annotations

from gsmooth.certificate import AbstainReason, Step, Verdict
from gsmooth.cover import Ball
from gsmooth.decision.court import Court, Trial, evidence_of
from gsmooth.decision.modes import RadiusMode, chunks
from gsmooth.errors import UnreachableError
from gsmooth.noise import CHUNK, Coordinate, Purpose
from gsmooth.theory.bounds import (
    FixedBound,
    FixedSample,
    least_n_fixed,
    randomized_clopper_pearson_lower,
)


def try_radius(court: Court, mode: RadiusMode) -> Trial:
    """Centres from the inside outwards, n votes each, while they can still add to the region.

    The certified gauge is the least over centres of what each one's bound supports. If it is too
    large, the one centre that limits the true region has p_lower > p: at most alpha (C5).
    """
    balls = court.cover.balls
    cast = chunks(mode.n) * CHUNK
    rng = Coordinate(court.smoothed.seed, court.index, Purpose.BOUND, 0, 0).generator()
    draws = rng.random(len(balls))
    order = sorted(range(len(balls)), key=lambda i: balls[i].start)
    evidence = [evidence_of(ball, 0, 0, Verdict.UNTESTED, ball.profile) for ball in balls]
    gauge = 1.0
    for place in order:
        ball = balls[place]
        if ball.start >= gauge:
            break
        counts = yield court.ballots(place, 0, chunks(mode.n))
        court.votes += cast
        won = int(counts[:, court.label].sum())
        p_lower = _p_lower(mode, won, cast, float(draws[place]))
        profile = ball.profile_for(p_lower)
        reached = _supported(profile, p_lower)
        gauge = min(gauge, reached)
        verdict = Verdict.ACCEPTED if reached > ball.start else Verdict.FUTILE
        evidence[place] = evidence_of(ball, won, cast, verdict, profile)
    if gauge <= 0.0:
        least = _least(balls, mode)
        reason = AbstainReason.FUTILE if least == cast else AbstainReason.BUDGET
        return court.abstained(reason, evidence, None if least == cast else least)
    return court.certified(gauge, evidence)


def _least(balls: tuple[Ball, ...], mode: RadiusMode) -> int | None:
    """Votes a centre, at least n, by which unanimity supports some gauge; None where none."""
    share = max(_first_share(ball) for ball in balls if ball.start == 0.0)
    try:
        return chunks(max(mode.n, least_n_fixed(share, mode.alpha))) * CHUNK
    except UnreachableError:
        return None


def _p_lower(mode: RadiusMode, won: int, cast: int, draw: float) -> float:
    if mode.bound == "randomized":
        return randomized_clopper_pearson_lower(won, cast, mode.alpha, draw)
    return FixedBound(cast, mode.alpha).lower(FixedSample(won, cast))


def _supported(profile: tuple[Step, ...], p_lower: float) -> float:
    """Largest gauge whose share, and every smaller one's, lies below p_lower."""
    gauge = 0.0
    for step in profile:
        # A share of 0 asks for nothing, not even for one vote: the region is not there yet.
        if step.share > 0.0 and step.share >= p_lower:
            break
        gauge = step.gauge
    return gauge


def _first_share(ball: Ball) -> float:
    """The share that the smallest sub-region needs."""
    return ball.profile[0].share if ball.share_at is None else ball.share_at(0.0)

"""Dry run: a few images of a run are certified under another seed, to measure what they cost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from gsmooth.attacks.candidates import grid
from gsmooth.attacks.settings import ATTACK
from gsmooth.certificate import Abstained, AbstainReason, Certified
from gsmooth.certification import Outcome, RadiusMode, RegionMode, chunks
from gsmooth.runs.context import RunContext
from gsmooth.runs.outcomes import attack_on, most_votes, outcomes
from gsmooth.runs.settings import RUN
from gsmooth.sampling.noise import CHUNK, SecretSeed, Seed


@final
@dataclass(frozen=True)
class ImageCost:
    """What one image cost.

    votes, and the most that it could have cost: the same where the image was finished.
    cover_s: seconds that went into the cover and the tests; voting_s: into votes. attack_votes,
    attack_s: of the adversary, None where its search was not tried.
    certified: None if it was not decided.
    unreachable: no number of votes certifies it.
    """

    index: int
    votes: int
    most: int
    cover_s: float
    voting_s: float
    attack_votes: int | None = None
    attack_s: float | None = None
    certified: bool | None = None
    unreachable: bool = False


class _Enough(Exception):
    """The time for the dry run is over."""


def tried_images(
    context: RunContext, indices: Sequence[int], seconds: float
) -> tuple[ImageCost, ...]:
    """What these images cost, as many of them as there is time for; the first in any case.

    Votes are drawn under a seed of their own, so that no choice that depends on them affects the
    votes of the run. Where a number of votes is fixed in advance it is
    not cast: the cover says how many there will be.
    """
    apart = replace(context, smoothed=replace(context.smoothed, seed=_other_seed(context)))
    until = time.monotonic() + seconds
    found: list[ImageCost] = []
    for index in indices:
        if found and time.monotonic() > until:
            break
        found.append(_tried(apart, index, until))
    return tuple(found)


def expected_forwards(context: RunContext) -> int:
    """Forward passes of the adversary an image, about; 0 where there is none."""
    plan = context.attack_plan
    if plan is None:
        return 0
    points = len(grid(context.region, plan.points)) + plan.random
    climbing = ATTACK.starts * plan.gradient_steps * RUN.dry_run.backward_cost
    again = min(ATTACK.finalists, points) + ATTACK.starts
    return points * plan.screening_votes + (climbing + again + chunks(plan.n)) * CHUNK


def _tried(context: RunContext, index: int, until: float) -> ImageCost:
    mode = context.rule
    streamed = isinstance(mode, RegionMode)
    if isinstance(mode, RadiusMode):
        streamed = mode.bound == "sequence"
    if not streamed:
        return _drawn(context, index)
    began, votes, voting_s = time.monotonic(), 0, 0.0

    def watch(spent: Mapping[int, int], seconds: float) -> None:
        nonlocal votes, voting_s
        votes, voting_s = spent[index], voting_s + seconds
        if time.monotonic() > until:
            raise _Enough

    try:
        outcome = next(outcomes(context, [index], watch))
    except _Enough:
        cover_s = time.monotonic() - began - voting_s
        return ImageCost(index, votes, max(votes, most_votes(context, index)), cover_s, voting_s)
    cover_s = time.monotonic() - began - voting_s
    certificate = outcome.certificate
    tried = ImageCost(
        index,
        outcome.votes,
        outcome.votes,
        cover_s,
        voting_s,
        certified=isinstance(certificate, Certified),
        unreachable=isinstance(certificate, Abstained)
        and certificate.reason is AbstainReason.UNREACHABLE,
    )
    pace = outcome.votes / voting_s if voting_s else 0.0
    if expected_forwards(context) > pace * max(0.0, until - time.monotonic()):
        return tried
    return _attacked(context, tried, outcome)


def _drawn(context: RunContext, index: int) -> ImageCost:
    """Votes that are fixed in advance are not cast; nor is a cover of the nested method drawn."""
    began = time.monotonic()
    most = most_votes(context, index)  # Draws the cover, where there is one.
    return ImageCost(index, most, most, time.monotonic() - began, 0.0)


def _attacked(context: RunContext, tried: ImageCost, outcome: Outcome) -> ImageCost:
    """The same, with what the adversary's search costs."""
    began = time.monotonic()
    found = attack_on(context, outcome)
    if found is None:
        return replace(tried, attack_votes=0, attack_s=0.0)
    spent = time.monotonic() - began
    return replace(tried, attack_votes=found.forwards, attack_s=spent)


def _other_seed(context: RunContext) -> Seed:
    """Another seed; the run's own cannot be computed from it without guessing it."""
    seed = context.smoothed.seed
    if isinstance(seed, SecretSeed):
        return seed.derived("trial")
    text = f"trial/{seed}".encode()
    return 1 + int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")

"""Chosen votes for tests of decisions: covers with given margins, and functions that give votes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from gsmooth.certificate import Certified, Guarantee, Step
from gsmooth.certification import Mode, Outcome
from gsmooth.cover import Ball, Cover
from gsmooth.sampling.noise import CHUNK, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region
from tests.certifying import decide
from tests.engine_objects import Counts, half_line, told

G = half_line(0.0, 0.5)
ZERO = torch.zeros(1, dtype=torch.float64)
ONE = (0, CHUNK, 0)
"""Selection votes that are all for class 1."""
# The number of votes for class 1, by centre, chunk and number of votes.
VoteFunction = Callable[[int, int, int], int]


def share_of(margin: float) -> float:
    return float(required_p_of_margin(margin))


def ball(margin: float, profile: tuple[Step, ...] = ()) -> Ball:
    return Ball((0.0,), ZERO, margin, share_of(margin), profile or (Step(1.0, share_of(margin)),))


def cover(*balls: Ball) -> Cover:
    return Cover(Region((-1.0,), (1.0,)), ZERO, balls, Guarantee.INDIVIDUAL)


def steps(*pairs: tuple[float, float]) -> tuple[Step, ...]:
    return tuple(Step(fraction, required_p) for fraction, required_p in pairs)


INNER = ball(2.0, steps((0.2, 0.6), (0.4, 0.8), (1.0, share_of(2.0))))
OUTER = ball(1.5, steps((0.3, 0.0), (0.6, 0.7), (1.0, share_of(1.5))))
NESTED = cover(INNER, OUTER)


def tried(
    subject: Cover, mode: Mode, fake_votes: VoteFunction, selection: tuple[int, int, int] = ONE
) -> Outcome:
    """Decide with ``fake_votes`` for class 1 at every centre, and the other votes for class 0."""

    def reply(requests: list[SampleRequest]) -> Counts:
        rows = []
        for request in requests:
            at = request.sample_key
            if at.stream is Stream.SELECTION:
                rows.append(selection)
                continue
            won = fake_votes(at.centre, at.chunk, request.rows)
            rows.append((request.rows - won, won, 0))
        return np.array(rows)

    return told(decide(G, 3, subject, mode), reply)


def unanimous(centre: int, chunk: int, rows: int) -> int:
    return rows


def by_share(*shares: float) -> VoteFunction:
    """Votes with the share of each centre (the last for further ones), to within one vote."""
    won: dict[int, int] = {}
    cast: dict[int, int] = {}

    def fake_votes(centre: int, chunk: int, rows: int) -> int:
        cast[centre] = cast.get(centre, 0) + rows
        due = round(cast[centre] * shares[min(centre, len(shares) - 1)])
        given = min(rows, max(0, due - won.get(centre, 0)))
        won[centre] = won.get(centre, 0) + given
        return given

    return fake_votes


def fraction_of(outcome: Outcome) -> float:
    return outcome.certificate.fraction if isinstance(outcome.certificate, Certified) else 0.0

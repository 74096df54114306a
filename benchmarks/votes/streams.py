"""Rules on streams of votes: of the shipped networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.suite.benchmark import Line
from benchmarks.suite.works import lifted
from benchmarks.votes.rules import OURS, SEQUENTIAL, SPRT, Cell, Rival
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.context import RunContext
from gsmooth.runs.execute import plan
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest

Votes = NDArray[np.int64]
RULES: Final = tuple(rule for rule in SEQUENTIAL if rule is not SPRT)
"""Not the oracle, which is given p."""
SHARES: Final = (0.5, 0.774, 0.9, 0.95, 0.99)
NETWORKS: Final = {
    "digits-rotation": ("region.lower=[-30.0]", "region.upper=[30.0]"),
    "digits-l2": ("region.l2=0.5",),
}
"""Shipped networks, and a region that a run file would name with them; no vote depends on it."""


def streams(network: str, images: int, votes: int, screened: int) -> Votes:
    """Whether each vote is for the class that wins at the clean centre: (images, votes) of 0, 1.

    Of ``screened`` held-out digits those that a chunk of other votes finds least certain: on most
    the networks are unanimous. Votes are counted by chunks of 64. Within a chunk they are put into
    an order of our own, which leaves their law as it is.
    """
    settings = (
        f"model.spec=shipped:{network}",
        "data.spec=shipped:digits",
        "smoothing.seed=0",
        *NETWORKS[network],
    )
    parts = plan(load_config(None, settings))
    every = max(1, len(parts.indices) // screened)
    candidates = parts.indices[::every][:screened]
    first = _counted(parts, [(index, Stream.SELECTION, 0) for index in candidates])
    hardest = np.argsort(first[:, :-1].max(axis=1), kind="stable")[:images]
    found = []
    for place in hardest.tolist():
        index, label = candidates[place], int(first[place, :-1].argmax())
        chunks = range(-(-votes // CHUNK))
        won = _counted(parts, [(index, Stream.ESTIMATION, chunk) for chunk in chunks])[:, label]
        order = np.random.default_rng(index)
        ordered = order.permuted(np.arange(CHUNK) < won[:, None], axis=1)
        found.append(ordered.ravel()[:votes].astype(np.int64))
    return np.array(found)


def _counted(parts: RunContext, asked: list[tuple[int, Stream, int]]) -> Votes:
    """A chunk of votes at the clean centre for each (image, purpose, chunk): (n, classes + 1)."""
    g = parts.smoothed
    images = {index for index, _, _ in asked}
    points = {index: lifted(g, parts.dataset.image(index)) for index in images}
    keys = [SampleKey(g.seed, index, stream, 0, chunk) for index, stream, chunk in asked]
    return g.count([SampleRequest(key, points[key.image]) for key in keys])


def replay(network: str, votes: Votes, share: float, alpha: float) -> Iterator[Line]:
    """Every rule on the same streams, looking after every vote.

    accepted: share of the streams in which p > share was shown. trials: mean votes, all that there
    are where it was not. deviation: mean over streams of votes less ours, 0 for ours.
    """
    mine = stopping(OURS, votes, share, alpha)[0]
    for rule in RULES:
        trials, accepted = stopping(rule, votes, share, alpha)
        yield {
            "network": network,
            "share": share,
            "rule": rule.name,
            "accepted": float(accepted.mean()),
            "trials": float(trials.mean()),
            "deviation": float((trials - mine).mean()),
        }


def stopping(
    rule: Rival, votes: Votes, share: float, alpha: float
) -> tuple[Votes, NDArray[np.bool_]]:
    """Votes that each stream costs, and whether they ended in acceptance."""
    length = votes.shape[1]
    least = rule.boundary(Cell(1.0, share, alpha), length)
    shown = np.cumsum(votes, axis=1) >= least[1:]
    accepted: NDArray[np.bool_] = np.any(shown, axis=1)
    return np.where(accepted, shown.argmax(axis=1) + 1, length), accepted

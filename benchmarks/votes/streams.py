"""Rules on streams of votes: of the shipped networks, and simulated where the order matters."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.suite.benchmark import Line
from benchmarks.votes.rules import OURS, SEQUENTIAL, SPRT, Cell, Rival
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.context import RunContext
from gsmooth.runs.execute import plan
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest

Votes = NDArray[np.int64]
BOLDNESS: Final = 0.75
"""Part of the bet that would ruin the gambler at one lost vote, the most that is staked."""
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
    points = {
        index: g.transformation.lift(parts.dataset.image(index)[None])[0]
        for index in {index for index, _, _ in asked}
    }
    return g.count(
        [
            SampleRequest(SampleKey(g.seed, i, stream, 0, chunk), points[i])
            for i, stream, chunk in asked
        ]
    )


def replay(network: str, votes: Votes, share: float, alpha: float) -> list[Line]:
    """Every rule on the same streams, looking after every vote.

    accepted: share of the streams in which p > share was shown. trials: mean votes, all that there
    are where it was not. deviation: mean over streams of votes less ours, 0 for ours.
    """
    mine = stopping(OURS, votes, share, alpha)[0]
    found = []
    for rule in RULES:
        trials, accepted = stopping(rule, votes, share, alpha)
        found.append(
            {
                "network": network,
                "share": share,
                "rule": rule.name,
                "accepted": float(accepted.mean()),
                "trials": float(trials.mean()),
                "deviation": float((trials - mine).mean()),
            }
        )
    return found


def stopping(
    rule: Rival, votes: Votes, share: float, alpha: float
) -> tuple[Votes, NDArray[np.bool_]]:
    """Votes that each stream costs, and whether they ended in acceptance."""
    length = votes.shape[1]
    least = rule.boundary(Cell(1.0, share, alpha), length)
    shown = np.cumsum(votes, axis=1) >= least[1:]
    accepted: NDArray[np.bool_] = np.any(shown, axis=1)
    return np.where(accepted, shown.argmax(axis=1) + 1, length), accepted


def gamble(cell: Cell, runs: int, n_max: int, seed: int = 0) -> dict[str, float]:
    """aGRAPA of Waudby-Smith and Ramdas (2024) against ``share``, one-sided, for up to n_max votes.

    Stakes (m - share) / (v + (m - share)^2), m and v the mean and variance of the votes before, and
    of one half with weight 1.

    Returns:
        Mean votes, their standard error, and the share of runs that were accepted.
    """
    rng = np.random.default_rng(seed)
    wealth, won = np.zeros(runs), np.zeros(runs)
    ended = np.full(runs, n_max)
    running = np.arange(runs)
    for trials in range(1, n_max + 1):
        mean = (0.5 + won) / trials
        edge = mean - cell.share
        stake = edge / (mean * (1.0 - mean) + 0.25 / trials + edge**2)
        stake = np.clip(stake, 0.0, BOLDNESS / cell.share)
        vote = rng.random(len(running)) < cell.p
        wealth += np.log1p(stake * (vote - cell.share))
        won += vote
        rich = wealth >= -math.log(cell.alpha)
        ended[running[rich]] = trials
        running, wealth, won = running[~rich], wealth[~rich], won[~rich]
        if not len(running):
            break
    error = float(ended.std(ddof=1)) / math.sqrt(runs)
    accepted = 1.0 - len(running) / runs
    return {"mean_trials": float(ended.mean()), "error": error, "accepted": accepted}

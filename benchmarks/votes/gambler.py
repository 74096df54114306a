"""Betting by an estimate of the best bet, which depends on the order of the votes: simulated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.votes.cells import Cell

BOLDNESS: Final = 0.75
"""Part of the bet that would ruin the gambler at one lost vote, the most that is staked."""


@dataclass(frozen=True)
class Simulated:
    """Mean votes, their standard error, and the share of runs that were accepted."""

    mean_trials: float
    error: float
    accepted: float


def gamble(cell: Cell, runs: int, n_max: int, seed: int = 0) -> Simulated:
    """aGRAPA of Waudby-Smith and Ramdas (2024) against ``share``, one-sided, for up to n_max votes.

    Stakes (m - share) / (v + (m - share)^2), m and v the mean and variance of the votes before, and
    of one half with weight 1.
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
    return Simulated(float(ended.mean()), error, 1.0 - len(running) / runs)

"""Scores under noise: the search ranks candidates by them where all votes agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.errors import MemoryShortError
from gsmooth.sampling.noise import Draws, SampleKey
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier


@final
@dataclass(frozen=True)
class Screening:
    """Votes (n, classes) and mean log-probabilities (n, classes) of n candidates."""

    votes: NDArray[np.int64]
    log_p: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> Screening:
        """The candidates for which ``chosen`` (n,) is true."""
        return Screening(self.votes[chosen], self.log_p[chosen])

    def by_votes(self, label: int) -> NDArray[np.int64]:
        """Candidates from the fewest votes for ``label``; the less probable label first in ties."""
        return np.lexsort((self.log_p[:, label], self.votes[:, label]))

    def worst(self, label: int, count: int) -> list[int]:
        """At most ``count`` candidates: the worst by votes and the worst by probability in turn."""
        by_votes, by_score = self.by_votes(label), np.argsort(self.log_p[:, label], kind="stable")
        turns = np.stack([by_votes, by_score], axis=1).ravel().tolist()
        return list(dict.fromkeys(turns))[:count]


def noisy(
    smoothed: SmoothedClassifier, z: Tensor, sample_keys: Sequence[SampleKey], rows: int
) -> Tensor:
    """Noisy copies of z (n, K): (n rows, K), ``rows`` draws for each sample key.

    They are drawn, and stay, on the classifier's device, as those of votes are. The derivative of
    rounding is 0, so the gradient in z is taken of T_theta z alone.
    """
    law, device = smoothed.law, smoothed.classifier.device
    draws = [Draws(sample_key, device) for sample_key in sample_keys]
    moved = z.to(device).repeat_interleave(rows, dim=0)
    if law.dimensions:
        theta = torch.from_numpy(np.concatenate([draw.theta(law, rows) for draw in draws]))
        columns = theta.to(device).tensor_split(law.dimensions, dim=1)
        moved = smoothed.transformation.act(moved, *columns)
    seen = [
        draw.around(mean, rows, law.sigma, smoothed.grid)
        for draw, mean in zip(draws, moved.detach().reshape(len(draws), rows, -1), strict=True)
    ]
    return moved + (torch.cat(seen) - moved).detach()


def scores_at(smoothed: SmoothedClassifier, z: Tensor) -> Tensor:
    """Scores (N, classes) at z (N, K); in halves if memory is short and no gradient is needed."""
    try:
        return smoothed.classifier.scores(smoothed.readout(z))
    except MemoryShortError:
        if torch.is_grad_enabled() or len(z) == 1:
            raise
    # Outside of the handler, so that the memory of the failed pass is free.
    return torch.cat([scores_at(smoothed, part) for part in z.tensor_split(2)])


@torch.no_grad()
def screened(
    smoothed: SmoothedClassifier, z: Tensor, sample_keys: Sequence[SampleKey], rows: int
) -> Screening:
    """``rows`` votes at each z (n, K). ModelError if scores are not finite (F3)."""
    scores = scores_at(smoothed, noisy(smoothed, z, sample_keys, rows))
    smoothed.classifier.require_finite(smoothed.classifier.judged(scores))
    scores = scores.double().cpu().reshape(len(z), rows, -1)
    votes = torch.nn.functional.one_hot(scores.argmax(dim=2), scores.shape[2]).sum(dim=1)
    return Screening(votes.numpy(), scores.log_softmax(dim=2).mean(dim=1).numpy())


def joined(parts: Sequence[Screening]) -> Screening:
    """The candidates of all parts, in order."""
    return Screening(
        np.concatenate([part.votes for part in parts]),
        np.concatenate([part.log_p for part in parts]),
    )

"""Smallest balls around pieces of a pulled-back image, in the joint metric of T4."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def smallest_ball(
    gram: Floats, iterations: int = COVER.clusters.ball_iterations
) -> tuple[Floats, float]:
    """Weights (n,) of the centre of a nearly smallest ball around n points, and its radius.

    gram (n, n): inner products of the points. The centre is the weighted mean of the points; its
    relative excess is proved to fall like 1 / sqrt(iterations) (Badoiu & Clarkson 2003) and stays
    within 5% on small sets. Any centre is sound: a better one only needs fewer votes (C1).
    """
    squares = gram.diagonal().copy()
    weights = np.full(len(gram), 1.0 / len(gram))
    # <point, centre> for every point and |centre|^2, updated as the centre is pulled to the
    # farthest point.
    along = gram @ weights
    norm = float(weights @ along)
    best, best_squared = weights, np.inf
    for step in range(iterations):
        distances = squares - 2.0 * along
        far = int(distances.argmax())
        squared = float(distances[far]) + norm
        if squared < best_squared:
            best, best_squared = weights.copy(), squared
        pull = 1.0 / (step + 2.0)
        keep = 1.0 - pull
        norm = keep * (keep * norm + 2.0 * pull * float(along[far])) + pull**2 * float(squares[far])
        along *= keep
        along += pull * gram[far]
        weights *= keep
        weights[far] += pull
    return best, float(np.sqrt(max(best_squared, 0.0)))


def smallest_balls(
    gram: Floats, members: Sequence[Indices], iterations: int = COVER.clusters.ball_iterations
) -> list[tuple[Floats, float]]:
    """``smallest_ball`` of many subsets of n points at once: their weights and radii, in order.

    gram (n, n); members: the indices of each subset, none empty. Sets of like size share the
    arithmetic, so that forty sets cost little more than one.
    """
    sizes = np.array([len(nodes) for nodes in members], dtype=np.int64)
    found: dict[int, tuple[Floats, float]] = {}
    # Padding is to the largest of a batch: within a factor of four of every set's own size.
    batch = np.frexp(sizes.astype(np.float64))[1] // 2
    for exponent in np.unique(batch):
        places: list[int] = np.flatnonzero(batch == exponent).tolist()
        weights, radii = _together(gram, [members[place] for place in places], iterations)
        for row, place in enumerate(places):
            found[place] = (weights[row, : sizes[place]], float(radii[row]))
    return [found[place] for place in range(len(members))]


def _together(gram: Floats, members: Sequence[Indices], iterations: int) -> tuple[Floats, Floats]:
    """Weights (k, widest) and radii (k,) of k sets; rows are padded, and what pads is ignored."""
    sizes = np.array([len(nodes) for nodes in members])
    places = np.arange(sizes.max())
    padded = np.stack([nodes[np.minimum(places, len(nodes) - 1)] for nodes in members])
    blocks = gram[padded[:, :, None], padded[:, None, :]]
    # What pads is never the farthest point.
    squares = np.where(places < sizes[:, None], gram.diagonal()[padded], -np.inf)
    row = np.arange(len(members))
    weights = (places < sizes[:, None]) / sizes[:, None]
    along = (blocks @ weights[:, :, None])[:, :, 0]
    norm = (weights * along).sum(axis=1)
    best, best_squared = weights.copy(), np.full(len(members), np.inf)
    for step in range(iterations):
        distances = squares - 2.0 * along
        far = distances.argmax(axis=1)
        squared = distances[row, far] + norm
        better = squared < best_squared
        best[better], best_squared[better] = weights[better], squared[better]
        pull = 1.0 / (step + 2.0)
        keep = 1.0 - pull
        norm = keep * (keep * norm + 2.0 * pull * along[row, far]) + pull**2 * squares[row, far]
        along *= keep
        along += pull * blocks[row, far]
        weights *= keep
        weights[row, far] += pull
    return best, np.sqrt(np.maximum(best_squared, 0.0))

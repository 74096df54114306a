"""Smallest balls around pieces of an orbit, in the joint metric of T4."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ITERATIONS: Final = 80


def smallest_ball(gram: Floats) -> tuple[Floats, float]:
    """Weights (n,) of the centre of a nearly smallest ball around n points, and its radius.

    gram (n, n): inner products of the points. The centre is the weighted mean of the points; its
    relative excess is proved to fall like 1 / sqrt(ITERATIONS) (Badoiu & Clarkson 2003) and stays
    within 5% on small sets. Any centre is sound: a better one only needs fewer votes (C1).
    """
    squares = gram.diagonal().copy()
    weights = np.full(len(gram), 1.0 / len(gram))
    # <point, centre> for every point and |centre|^2, updated as the centre is pulled to the
    # farthest point.
    along = gram @ weights
    norm = float(weights @ along)
    best, best_squared = weights, np.inf
    for step in range(ITERATIONS):
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

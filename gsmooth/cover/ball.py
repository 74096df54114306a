"""Smallest balls around pieces of an orbit, in the joint metric of T4."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ITERATIONS: Final = 80


def smallest_ball(gram: Floats) -> tuple[Floats, float]:
    """Weights (n,) of the centre of a nearly smallest ball around n points, and its radius.

    gram (n, n): inner products of the points. The centre is the weighted mean of the points;
    its relative excess is proved to fall like 1 / sqrt(ITERATIONS) (Badoiu & Clarkson 2003), and
    stays within 5% on small sets. Any centre is
    sound: a better one only needs fewer votes (C1).
    """
    squares = np.diag(gram)
    weights = np.full(len(gram), 1.0 / len(gram))
    best, best_squared = weights, np.inf
    for step in range(ITERATIONS):
        along = gram @ weights
        distances = squares - 2.0 * along + weights @ along
        far = int(np.argmax(distances))
        if distances[far] < best_squared:
            best, best_squared = weights.copy(), float(distances[far])
        pull = 1.0 / (step + 2.0)
        weights *= 1.0 - pull
        weights[far] += pull
    return best, float(np.sqrt(max(best_squared, 0.0)))

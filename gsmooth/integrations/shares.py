"""Shares of images with their intervals, and answers with abstentions as scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.certificate import Prediction
from gsmooth.report.share import Share, exact_interval


def share_of(count: int, images: int) -> float:
    """Share of images; NaN without any."""
    return Share(count, images).value if images else float("nan")


def interval_of(count: int, images: int, confidence: float) -> tuple[float, float]:
    """Exact binomial interval (Clopper-Pearson, S1) of the share in the images' population.

    S1: each end is missed with probability at most (1 - confidence) / 2.

    Args:
        count: Images that count.
        images: All images.
        confidence: Of the interval, in (0, 1).

    Returns:
        (lower, upper); (0, 1) without images.

    Raises:
        ConfigurationError: The confidence is outside (0, 1).

    Example:
        >>> low, high = interval_of(2, 4, 0.95)
        >>> round(low, 4), round(high, 4)
        (0.0676, 0.9324)
    """
    found = exact_interval(Share(count, max(1, images)), confidence)
    return (found.low, found.high) if images else (0.0, 1.0)


def scores_of(predictions: Sequence[Prediction], classes: int) -> NDArray[np.float32]:
    """Answers of g as scores (N, classes + 1), for frameworks that take the largest of a row.

    The last column stands for an abstention. It is the largest of a row where g abstains, and 0
    where g answers, so that no abstention can be taken for a class: ``argmax`` gives the number
    ``classes``, which is no label. The other columns are shares of votes, and so a row with an
    answer has its largest score there.

    Args:
        predictions: Answers of g.
        classes: Number of classes.

    Example:
        >>> answers = [Prediction(1, (2, 62, 0), 0.001), Prediction(None, (32, 32, 0), 0.001)]
        >>> scores_of(answers, 2).argmax(axis=1)
        array([1, 2])
    """
    scores = np.zeros((len(predictions), classes + 1), dtype=np.float32)
    for row, answer in zip(scores, predictions, strict=True):
        shares = np.array(answer.counts[:classes]) / max(1, sum(answer.counts))
        row[:classes] = shares if answer.label is not None else shares / 3.0
        row[classes] = 0.0 if answer.label is not None else 2.0 / 3.0
    return scores


def scores_of_labels(labels: Sequence[int | None], classes: int) -> NDArray[np.float32]:
    """Certified labels as scores (N, classes + 1): 1 at the label, or in the last column.

    Args:
        labels: A label each, or None for an abstention.
        classes: Number of classes.

    Example:
        >>> scores_of_labels([0, None], 2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    places = [classes if label is None else label for label in labels]
    rows: NDArray[Any] = np.eye(classes + 1, dtype=np.float32)[places]
    return rows

"""Shares with intervals, and scores in which no abstention can be taken for a class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gsmooth.certificate import Prediction
from gsmooth.errors import ConfigurationError
from gsmooth.integrations.shares import interval_of, scores_of, scores_of_labels, share_of


@pytest.mark.parametrize(("count", "images"), [(0, 7), (3, 7), (7, 7), (60, 64)])
def test_the_interval_is_the_exact_binomial_one(count: int, images: int) -> None:
    expected = stats.binomtest(count, images).proportion_ci(0.95, method="exact")
    assert interval_of(count, images, 0.95) == pytest.approx((expected.low, expected.high))


def test_no_images_say_nothing() -> None:
    assert np.isnan(share_of(0, 0))
    assert interval_of(0, 0, 0.95) == (0.0, 1.0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_is_a_number_between_0_and_1(confidence: float) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a level in \(0, 1\)"):
        interval_of(1, 2, confidence)


@pytest.mark.parametrize("counts", [(64, 0, 0), (33, 31, 0), (0, 0, 64), (22, 21, 21), (0, 0, 0)])
def test_the_largest_score_of_an_abstention_is_that_of_no_class(counts: tuple[int, ...]) -> None:
    scores = scores_of([Prediction(None, counts, 0.001)], classes=2)
    assert scores.shape == (1, 3)
    assert scores.argmax() == 2
    assert scores[0, 2] > scores[0, :2].max()


@pytest.mark.parametrize("counts", [(5, 40, 19), (0, 64, 0), (0, 10, 54)])
def test_the_largest_score_of_an_answer_is_that_of_its_class(counts: tuple[int, ...]) -> None:
    assert scores_of([Prediction(1, counts, 0.001)], classes=2).argmax() == 1


def test_certified_labels_are_one_hot() -> None:
    found = scores_of_labels([1, None, 0], classes=2)
    assert found.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]

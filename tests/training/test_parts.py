"""Parts of the training images: near copies stay together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gsmooth.training.parts import split_off

RANDOM = np.random.default_rng(0)
LABELS: NDArray[np.int64] = RANDOM.integers(0, 5, 400)
TRACKS = LABELS * 100 + RANDOM.integers(0, 12, 400)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_group_is_never_split(fraction: float, seed: int) -> None:
    kept, taken = split_off(LABELS, fraction, seed, TRACKS)
    assert not set(TRACKS[kept]) & set(TRACKS[taken])
    assert sorted([*kept, *taken]) == list(range(400))


def test_about_the_fraction_of_every_class_is_taken_off() -> None:
    _, taken = split_off(LABELS, 0.25, 0, TRACKS)
    for label in range(5):
        share = np.count_nonzero(LABELS[taken] == label) / np.count_nonzero(label == LABELS)
        assert 0.15 < share < 0.35


def test_without_groups_the_fraction_is_exact_to_one_image_a_class() -> None:
    _, taken = split_off(LABELS, 0.25, 0)
    for label in range(5):
        wanted = 0.25 * np.count_nonzero(label == LABELS)
        assert abs(np.count_nonzero(LABELS[taken] == label) - wanted) <= 0.5


def test_a_class_of_one_group_stays_in_training() -> None:
    labels, groups = np.array([0, 0, 0, 1, 1, 1]), np.array([7, 7, 7, 1, 2, 3])
    kept, taken = split_off(labels, 0.5, 0, groups)
    assert set(kept) >= {0, 1, 2}
    assert len(taken) in (1, 2)


def test_the_seed_chooses_the_part() -> None:
    one, other = (split_off(LABELS, 0.2, seed)[1] for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, split_off(LABELS, 0.2, 0)[1])

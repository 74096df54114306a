"""Pace: a measurement that changes nothing, within what memory allows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gsmooth.errors import MemoryShortError
from tests.sampling.subjects import Greedy, Linear, Sized, requests, smoothed

SIZES = {1 << power for power in range(13)}
SHORT = torch.OutOfMemoryError("CUDA out of memory")


def test_a_pace_names_a_size_that_was_tried() -> None:
    module = Linear()
    g = smoothed(module)
    pace = g.pace()
    assert pace.batch_size in SIZES
    assert pace.votes_per_second > 0.0
    assert g.counter.batch_size == 256
    assert set(module.sizes) <= SIZES


def test_sizes_that_do_not_fit_are_not_chosen_and_not_warned_of() -> None:
    assert smoothed(Greedy(200, SHORT)).pace().batch_size <= 128
    assert smoothed(Greedy(3, SHORT)).pace().batch_size <= 2


def test_a_network_that_takes_not_even_one_row_is_an_error() -> None:
    with pytest.raises(MemoryShortError, match="batch of 1 does not fit into memory; no smaller"):
        smoothed(Greedy(0, SHORT)).pace()


def test_a_fixed_batch_classifier_is_measured_at_its_size_only() -> None:
    module = Sized()
    assert smoothed(module, fixed_batch=True).pace().batch_size == 256
    assert set(module.sizes) == {256}


def test_measuring_changes_no_count() -> None:
    g = smoothed()
    expected = g.count(requests([64] * 5))
    g.pace()
    assert np.array_equal(g.count(requests([64] * 5)), expected)

"""Samples of the Haar law, as exact fractions (T7, F1)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream, theta_accuracy
from gsmooth.theory.laws import GaussianLaw, HaarLaw


def sampled(law: HaarLaw, chunk: int) -> np.ndarray:
    key = SampleKey(7, 0, Stream.ESTIMATION, 0, chunk)
    return Draws(key, torch.device("cpu")).theta(law, CHUNK)


@pytest.mark.parametrize("period", [360.0, 28.0, 0.1, 1.0])
def test_a_sample_is_within_its_offset_of_the_group_and_half_a_step_is_left(period: float) -> None:
    law = HaarLaw((0,), (period,), 0.25)
    accuracy = theta_accuracy(law)
    step = Fraction(period) / 2**52
    for value in np.concatenate([sampled(law, chunk) for chunk in range(4)])[:, 0].tolist():
        tick = (Fraction(value) / step - Fraction(1, 2)).__round__()
        assert 0 <= tick < 2**52
        off = abs(Fraction(value) - (tick + Fraction(1, 2)) * step)
        assert off + step / 2 <= Fraction(accuracy.offset[0])
        assert 0.0 < value <= accuracy.reach[0]


def test_only_gaussian_axes_have_tails() -> None:
    assert theta_accuracy(HaarLaw((0,), (360.0,), 0.25)).outside == 0.0
    assert theta_accuracy(HaarLaw((0,), (360.0, 4.0), 0.25)).outside == (
        theta_accuracy(GaussianLaw((4.0,), 0.25)).outside
    )


@pytest.mark.parametrize(("count", "uneven"), [(2, False), (4, False), (28, True)])
def test_values_that_do_not_divide_the_samples_are_paid_for(count: int, uneven: bool) -> None:
    found = theta_accuracy(HaarLaw((0,), (float(count),), 0.25, steps=(1.0,))).outside
    assert found == (count * 2.0**-51 if uneven else 0.0)


def test_every_value_of_a_stepped_parameter_is_drawn_alike() -> None:
    law = HaarLaw((0,), (4.0,), 0.25, steps=(1.0,))
    drawn = np.concatenate([sampled(law, chunk) for chunk in range(100)])[:, 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [0.0, 1.0, 2.0, 3.0]
    # Four standard deviations of a binomial number of 6400 / 4.
    assert np.abs(counts - 1600).max() < 4 * np.sqrt(1600 * 0.75)

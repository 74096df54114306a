"""Order statistics as tolerance bounds: exact binomial levels, ties and jumps included."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.tolerance import tolerance_rank


@given(st.integers(1, 3000), st.floats(0.01, 0.995), st.floats(1e-6, 0.25))
@settings(deadline=None)
def test_the_rank_is_the_least_whose_binomial_tail_is_at_most_alpha(
    n: int, share: float, alpha: float
) -> None:
    assume(n * share > 1.0)
    tails = stats.binom.sf(np.arange(n), n, share)  # P(Bin >= k) for k = 1..n
    allowed = np.flatnonzero(tails <= alpha)
    if len(allowed) == 0 or not tails[-1] <= alpha * (1.0 - 1e-9):
        return  # The next test is about these.
    rank = tolerance_rank(n, share, alpha)
    assert tails[rank - 1] <= alpha
    assert rank == 1 or tails[rank - 2] > alpha * (1.0 - 1e-9)


@given(st.floats(0.01, 0.995), st.floats(1e-6, 0.25))
@settings(deadline=None)
def test_the_least_number_of_images_is_the_first_whose_largest_error_suffices(
    share: float, alpha: float
) -> None:
    least = max(1, math.ceil(math.log(alpha) / math.log(share) - 1e-6))
    assume((least + 1) * share > 1.0)
    if (least - 1) * share > 1.0:
        with pytest.raises(UnreachableError, match="the least n is") as caught:
            tolerance_rank(least - 1, share, alpha)
        assert caught.value.least_n in (least, least + 1)
    assert tolerance_rank(least + 1, share, alpha) in (least, least + 1)


@pytest.mark.parametrize("values", [None, 3, 12])
@pytest.mark.parametrize(("n", "share", "alpha"), [(60, 0.9, 0.05), (200, 0.95, 0.2)])
def test_the_bound_misses_its_share_no_more_often_than_alpha(
    n: int, share: float, alpha: float, values: int | None
) -> None:
    """``values``: errors are uniform on so many integers, ties all over; None: continuous."""
    rank, runs = tolerance_rank(n, share, alpha), 20_000
    rng = np.random.default_rng(7)
    if values is None:
        chosen = np.sort(rng.random((runs, n)), axis=1)[:, rank - 1]
        below = chosen
    else:
        sample = rng.integers(0, values, (runs, n))
        below = (np.sort(sample, axis=1)[:, rank - 1] + 1.0) / values
    misses = int((below < share - 1e-12).sum())
    assert misses <= stats.binom.isf(1e-6, runs, alpha)
    if values is None:  # Without ties the level is exactly the binomial tail.
        exact = stats.binom.sf(rank - 1, n, share)
        assert stats.binom.ppf(1e-6, runs, exact) <= misses <= stats.binom.isf(1e-6, runs, exact)


def test_one_rank_less_would_break_the_level() -> None:
    n, share, alpha = 60, 0.9, 0.03
    runs, rank = 20_000, tolerance_rank(n, share, alpha)
    sample = np.sort(np.random.default_rng(3).random((runs, n)), axis=1)
    assert int((sample[:, rank - 2] < share).sum()) > stats.binom.isf(1e-6, runs, alpha)


def test_a_thousand_images_bound_99_percent_by_nearly_the_largest() -> None:
    assert tolerance_rank(1000, 0.99, 0.001) == 999


def test_too_few_images_are_refused_with_the_number_that_suffices() -> None:
    with pytest.raises(UnreachableError, match="least n is 688") as caught:
        tolerance_rank(500, 0.99, 0.001)
    assert caught.value.least_n == 688
    assert tolerance_rank(688, 0.99, 0.001) == 688


@pytest.mark.parametrize(
    ("n", "share", "alpha"), [(0, 0.9, 0.1), (9, 0.0, 0.1), (9, 0.9, 0.0), (9, 0.9, 0.3)]
)
def test_impossible_arguments_are_refused(n: int, share: float, alpha: float) -> None:
    with pytest.raises(ConfigurationError):
        tolerance_rank(n, share, alpha)


def tail(n: int, share: Fraction, k: int) -> Fraction:
    """P(Bin(n, share) >= k), exactly."""
    terms = (math.comb(n, j) * share**j * (1 - share) ** (n - j) for j in range(k, n + 1))
    return sum(terms, Fraction(0))


@pytest.mark.parametrize("alpha", [0.25, 0.1, 0.01])
@pytest.mark.parametrize("n", [2, 3, 5, 8, 13, 24])
def test_every_rank_is_one_at_which_samples_by_class_do_no_worse(n: int, alpha: float) -> None:
    """Hoeffding's theorem asks for k >= n share + 1; the rank is the least, by exact fractions."""
    for hundredths in range(1, 100):
        share = hundredths / 100.0
        if n * share <= 1.0:
            with pytest.raises(ConfigurationError, match="a share above 1/n"):
                tolerance_rank(n, share, alpha)
            continue
        try:
            rank = tolerance_rank(n, share, alpha)
        except UnreachableError:
            assert tail(n, Fraction(share), n) > Fraction(alpha) * Fraction(999_999, 1_000_000)
            continue
        assert rank >= n * Fraction(share) + 1
        assert tail(n, Fraction(share), rank) <= Fraction(alpha)
        below = tail(n, Fraction(share), rank - 1)
        assert below > Fraction(alpha) * Fraction(999_999, 1_000_000)


def test_a_share_of_less_than_one_image_is_refused() -> None:
    """At n share < 1 the rank can be 1, below n share + 1: one class of five may be all bad."""
    assert tail(5, Fraction(1, 25), 1) < Fraction(1, 4)
    assert 5 * Fraction(1, 25) + 1 > 1
    with pytest.raises(ConfigurationError, match=r"share=0\.04 with n=5 images"):
        tolerance_rank(5, 0.04, 0.25)

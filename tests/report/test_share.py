"""Shares are printed to the nearest, and their intervals are the exact binomial ones."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from scipy.stats import binomtest

from gsmooth.errors import ConfigurationError
from gsmooth.report.share import Share, exact_interval


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_intervals_are_those_of_clopper_and_pearson_and_never_shorter(confidence: float) -> None:
    for total in (1, 7, 500, 10_000):
        for count in {0, 1, total // 3, total - 1, total}:
            found = exact_interval(Share(count, total), confidence)
            known = binomtest(count, total).proportion_ci(confidence, method="exact")
            assert found.low == pytest.approx(float(known.low), rel=1e-9, abs=1e-12)
            assert found.high == pytest.approx(float(known.high), rel=1e-9, abs=1e-12)
            # SciPy's ends are roots to about 1e-12.
            assert found.low <= known.low + 1e-11
            assert found.high >= known.high - 1e-11


def test_each_end_of_an_interval_is_missed_as_rarely_as_said() -> None:
    total, level = 12, Fraction(1, 20)
    ends = [exact_interval(Share(count, total), 0.9) for count in range(total + 1)]
    for truth in (Fraction(k, 40) for k in range(1, 40)):
        weights = [_binomial(total, count, truth) for count in range(total + 1)]
        above = sum(w for w, end in zip(weights, ends, strict=True) if end.low > truth)
        below = sum(w for w, end in zip(weights, ends, strict=True) if end.high < truth)
        assert above <= level
        assert below <= level


def _binomial(total: int, count: int, p: Fraction) -> Fraction:
    ways = sum(1 for _ in itertools.combinations(range(total), count))
    return ways * p**count * (1 - p) ** (total - count)


def test_a_level_that_is_none_is_refused() -> None:
    for level in (0.0, 1.0, 95.0, float("nan")):
        with pytest.raises(ConfigurationError, match="expected a level"):
            exact_interval(Share(1, 2), level)


def test_shares_are_printed_to_the_nearest_and_one_is_all() -> None:
    assert [Share(k, 8).decimal(2) for k in (0, 1, 3, 8)] == ["0.00", "0.13", "0.38", "1.00"]
    assert Share(1999, 2000).decimal(2) == "0.99"
    assert Share(143, 500).decimal(3) == "0.286"

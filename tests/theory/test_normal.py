from __future__ import annotations

import mpmath
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.theory.normal import ROUNDING, normal_cdf, normal_quantile, raise_margin


def exact_phi(x: float) -> mpmath.mpf:
    return mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2


@given(st.floats(-37.0, 9.0))
def test_the_cdf_errs_by_less_than_a_quarter_of_the_rounding(x: float) -> None:
    with mpmath.workdps(60):
        error = abs(mpmath.mpf(float(normal_cdf(x))) / exact_phi(x) - 1)
        assert error < ROUNDING / 4 * (1 + x * x)


@given(st.floats(1e-290, 1.0, exclude_max=True))
def test_the_quantile_errs_by_less_than_a_quarter_of_the_rounding(p: float) -> None:
    with mpmath.workdps(60):
        x = float(normal_quantile(p))
        density = mpmath.exp(-(mpmath.mpf(x) ** 2) / 2) / mpmath.sqrt(2 * mpmath.pi)
        error = abs(exact_phi(x) - mpmath.mpf(p)) / density
        assert error < ROUNDING / 4 * (abs(x) + 1e-3)


def test_a_margin_that_pays_nothing_is_unchanged() -> None:
    assert raise_margin([0.0, 1.5, 50.0], 0.0).tolist() == [0.0, 1.5, 50.0]

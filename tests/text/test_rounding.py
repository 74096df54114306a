"""What is printed of a bound is never more than the bound."""

from __future__ import annotations

import math
from decimal import ROUND_UP, Context, Decimal, Inexact, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gsmooth.certificate import Premise
from gsmooth.report.share import Share
from gsmooth.text.rounding import (
    confidence_text,
    percent,
    percent_down,
    text_down,
    text_inward,
    text_up,
)
from gsmooth.theory.radii import round_down
from gsmooth.transforms.region import Region

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = st.integers(1, 12)


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


def unit(value: float, digits: int) -> Decimal:
    """One in the last of so many significant digits."""
    return Decimal(1).scaleb(exact(value).adjusted() - digits + 1)


@given(NUMBERS, DIGITS)
@example(5e-324, 2)
@example(-5e-324, 1)
@example(2.2e-310, 12)
def test_numbers_are_printed_on_their_own_side_within_one_digit(value: float, digits: int) -> None:
    low, high = text_down(value, digits), text_up(value, digits)
    assert Decimal(low) <= exact(value) <= Decimal(high)
    assert float(low) <= value <= float(high)
    if value != 0.0 and math.isfinite(float(low)) and math.isfinite(float(high)):
        assert exact(value) - Decimal(low) < unit(value, digits)
        assert Decimal(high) - exact(value) < unit(value, digits)


@given(NUMBERS, DIGITS)
def test_inwards_is_towards_zero(value: float, digits: int) -> None:
    text = Decimal(text_inward(value, digits))
    assert abs(text) <= abs(exact(value))
    assert text * exact(value) >= 0


@given(NUMBERS.filter(lambda value: value != 0.0), DIGITS)
def test_what_has_few_digits_is_printed_as_it_is(value: float, digits: int) -> None:
    short = float(f"{value:.{digits - 1}e}")
    for text in (text_down, text_up, text_inward):
        assert float(text(short, digits)) == short


@given(st.floats(0.0, 1.0, exclude_max=True), st.integers(1, 6))
def test_a_confidence_is_never_more_and_never_one(value: float, digits: int) -> None:
    text = Decimal(confidence_text(value, digits))
    assert 0 <= text <= exact(value)
    assert text < 1
    if value > 0.0:
        short = 1 - exact(value)
        place = min(short.adjusted(), exact(value).adjusted()) - digits + 1
        assert exact(value) - text < Decimal(1).scaleb(place)


@given(st.floats(0.0, 1.0), st.integers(0, 6))
def test_a_percentage_of_a_bound_is_never_more(value: float, decimals: int) -> None:
    text = percent_down(value, decimals)
    assert Decimal(text[:-1]) <= 100 * exact(value)
    assert 100 * exact(value) - Decimal(text[:-1]) < Decimal(1).scaleb(-decimals)


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_all_of_them_is_said_of_all_of_them_only(count: int, more: int) -> None:
    assert percent(1.0) == str(Share(more, more)).split()[0] == "100.0%"
    assert percent(count / (count + more)) != "100.0%"
    assert "100.0%" not in str(Share(count, count + more))


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinity_stays_infinite(value: float) -> None:
    assert text_down(value) == text_up(value) == f"{value:g}"


@pytest.mark.parametrize("precision", [1, 3])
def test_the_decimal_arithmetic_of_the_caller_does_not_matter(precision: int) -> None:
    with localcontext(Context(precision, ROUND_UP, traps=[Inexact])):
        assert percent_down(0.99999) == "99.99%"
        assert confidence_text(1.0 - 1e-7) == "0.9999999"
        assert (text_down(0.1999999, 3), text_up(0.1000001, 3)) == ("0.199", "0.101")
        assert round_down(0.1999999, 4) == 0.1999


def test_a_premise_is_printed_outwards() -> None:
    text = Premise(error=0.123449, share=0.90009999, confidence=1.0 - 1e-7).describe()
    assert "at most 0.1235" in text
    assert "at least 0.90009 " in text
    assert "confidence 0.9999999)" in text
    assert "(confidence 0.9999999999999999" in Premise(0.1, 0.9, 1.0).describe()


@given(NUMBERS.map(abs), NUMBERS.map(abs))
def test_a_region_is_printed_inwards(low: float, high: float) -> None:
    region = Region((-low,), (high,))
    told = region.describe(("angle",), ("deg",))
    first, last = told.removeprefix("angle in [").removesuffix("] deg").split(", ")
    assert -low <= float(first) <= 0.0 <= float(last) <= high

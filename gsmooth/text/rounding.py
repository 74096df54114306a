"""Rounding of printed numbers such that printed bounds still hold.

Rule: a radius, a share and a confidence are rounded down, an error and an alpha up, a region
inwards. Measured figures are rounded to nearest, but "100.0%" is printed only for all images.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, localcontext
from fractions import Fraction

DIGITS = 6


def exactly() -> AbstractContextManager[Context]:
    """Use decimal arithmetic without rounding, independent of the caller's decimal context."""
    return localcontext(Context(prec=400))


def text_down(value: float, digits: int = DIGITS) -> str:
    """Return the largest number of ``digits`` significant digits that is at most ``value``.

    F4: a printed bound is rounded to the side on which it still holds.
    """
    return _significant(value, digits, ROUND_FLOOR)


def text_up(value: float, digits: int = DIGITS) -> str:
    """Return the smallest number of ``digits`` significant digits that is at least ``value``.

    F4: a printed bound is rounded to the side on which it still holds.
    """
    return _significant(value, digits, ROUND_CEILING)


def text_inward(value: float, digits: int = DIGITS) -> str:
    """Return ``value`` rounded towards 0, with ``digits`` significant digits."""
    return _significant(value, digits, ROUND_DOWN)


def confidence_text(value: float, digits: int = 4) -> str:
    """Return a confidence or share < 1, rounded down, with ``digits`` digits of 1 - ``value``.

    Example:
        >>> confidence_text(1.0 - 1e-7), confidence_text(0.95)
        ('0.9999999', '0.95')
    """
    # 1.0 is a float64 rounding of a smaller number, since no confidence is 1.
    exact = _decimal(min(float(value), math.nextafter(1.0, 0.0)))
    if exact <= 0:
        return "0"
    with exactly():
        place = min(exact.adjusted(), (1 - exact).adjusted()) - digits + 1
    return _plain(_rounded(exact, place, ROUND_FLOOR))


def decimal_down(value: float | Fraction, decimals: int) -> Decimal:
    """Return the largest decimal with ``decimals`` places that is at most ``value`` itself.

    Unlike :func:`text_down`, which takes a float64 for the shortest decimal that is read as it, the
    result is never larger than the binary number.

    Example:
        >>> decimal_down(0.3, 3), decimal_down(0.5, 3)
        (Decimal('0.299'), Decimal('0.500'))
    """
    return _at_places(value, decimals, math.floor)


def decimal_up(value: float | Fraction, decimals: int) -> Decimal:
    """Return the least decimal with ``decimals`` places that is at least ``value`` itself.

    Example:
        >>> decimal_up(0.1, 2)
        Decimal('0.11')
    """
    return _at_places(value, decimals, math.ceil)


def significant_down(value: Fraction, digits: int = DIGITS) -> str:
    """Return the largest number of ``digits`` significant digits that is at most ``value`` >= 0.

    Example:
        >>> significant_down(Fraction(0.3)), significant_down(Fraction(1, 8))
        ('0.299999', '0.125')
    """
    if value == 0:
        return "0.0"
    with exactly() as context:
        context.prec, context.rounding = digits + 20, ROUND_DOWN
        place = (Decimal(value.numerator) / value.denominator).adjusted() - digits + 1
    return _plain(decimal_down(value, -place))


def _at_places(value: float | Fraction, decimals: int, side: Callable[[Fraction], int]) -> Decimal:
    with exactly():
        return Decimal(side(Fraction(value) * Fraction(10) ** decimals)).scaleb(-decimals)


def percent_down(value: float, decimals: int = 2) -> str:
    """Return ``value`` in percent, rounded down to ``decimals`` places."""
    with exactly():
        return f"{_rounded(100 * _decimal(value), -decimals, ROUND_FLOOR):f}%"


def percent(value: float) -> str:
    """Return a measured share in percent, rounded to nearest; "100.0%" only if it is 1."""
    text = f"{value:.1%}"
    return "99.9%" if value < 1.0 and text == "100.0%" else text


def _significant(value: float, digits: int, side: str) -> str:
    if value == 0.0 or not math.isfinite(value):
        return f"{value + 0.0:g}"
    exact = _decimal(value)
    rounded = _rounded(exact, exact.adjusted() - digits + 1, side)
    if abs(value) < sys.float_info.min:  # Subnormal floats have fewer digits.
        return f"{rounded.normalize() + 0:g}"
    return f"{float(rounded) + 0.0:.{digits}g}"


def _rounded(exact: Decimal, place: int, side: str) -> Decimal:
    with exactly():
        return exact.quantize(Decimal(1).scaleb(place), rounding=side)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(value: float) -> Decimal:
    """Return the shortest decimal that float64 reads as ``value``: 0.3 stays 0.3."""
    return Decimal(repr(float(value)))

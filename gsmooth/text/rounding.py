"""Numbers for people, rounded to the side on which they are still true.

Rule: a bound is rounded outwards (a radius, a share or a confidence down; an error or an alpha up;
a region inwards). Measured figures are rounded to nearest, but "100.0%" is all of them.
"""

from __future__ import annotations

import math
import sys
from contextlib import AbstractContextManager
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, localcontext

DIGITS = 6


def exactly() -> AbstractContextManager[Context]:
    """Decimal arithmetic without rounding, whatever the caller's own context says."""
    return localcontext(Context(prec=400))


def text_down(value: float, digits: int = DIGITS) -> str:
    """The largest number of so many significant digits that is at most ``value`` (F4)."""
    return _significant(value, digits, ROUND_FLOOR)


def text_up(value: float, digits: int = DIGITS) -> str:
    """The smallest number of so many significant digits that is at least ``value`` (F4)."""
    return _significant(value, digits, ROUND_CEILING)


def text_inward(value: float, digits: int = DIGITS) -> str:
    """``value`` cut off towards 0."""
    return _significant(value, digits, ROUND_DOWN)


def confidence_text(value: float, digits: int = 4) -> str:
    """A confidence or a share < 1, rounded down, with ``digits`` of what is missing to 1.

    Example:
        >>> confidence_text(1.0 - 1e-7), confidence_text(0.95)
        ('0.9999999', '0.95')
    """
    # Nothing is certain: 1.0 is what float64 made of a number below it.
    exact = _decimal(min(float(value), math.nextafter(1.0, 0.0)))
    if exact <= 0:
        return "0"
    with exactly():
        place = min(exact.adjusted(), (1 - exact).adjusted()) - digits + 1
    return _plain(_rounded(exact, place, ROUND_FLOOR))


def percent_down(value: float, decimals: int = 2) -> str:
    """``value`` in percent, rounded down to so many decimals."""
    with exactly():
        return f"{_rounded(100 * _decimal(value), -decimals, ROUND_FLOOR):f}%"


def percent(value: float) -> str:
    """A measured share in percent, to nearest; "100.0%" only where it is 1."""
    text = f"{value:.1%}"
    return "99.9%" if value < 1.0 and text == "100.0%" else text


def _significant(value: float, digits: int, side: str) -> str:
    if value == 0.0 or not math.isfinite(value):
        return f"{value + 0.0:g}"
    exact = _decimal(value)
    rounded = _rounded(exact, exact.adjusted() - digits + 1, side)
    if abs(value) < sys.float_info.min:  # Subnormal floats have fewer digits than are asked for.
        return f"{rounded.normalize() + 0:g}"
    return f"{float(rounded) + 0.0:.{digits}g}"


def _rounded(exact: Decimal, place: int, side: str) -> Decimal:
    with exactly():
        return exact.quantize(Decimal(1).scaleb(place), rounding=side)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(value: float) -> Decimal:
    """The shortest decimal that float64 reads as ``value``: 0.3 stays 0.3."""
    return Decimal(repr(float(value)))

"""Figures of the page: curves of certified accuracy as paths in the units of an SVG drawing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from gsmooth.report.curves import Curve, certified_curve
from gsmooth.report.page.settings import PAGE
from gsmooth.report.summary import Summary, summarize
from gsmooth.report.totals import Totals
from gsmooth.text.display import shortened
from gsmooth.text.rounding import percent, text_down

# The drawing in its own units: the page scales it to the width there is.
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 560.0, 14.0, 268.0
_LABEL_HEIGHT: Final = 17.0
COLOURS: Final = 6
"""Colours and dash patterns that lines have in turn."""


@final
@dataclass(frozen=True)
class Tick:
    """A tick of an axis: where, and its text."""

    place: float
    text: str


@final
@dataclass(frozen=True)
class Mark:
    """A single point: a circle (standard accuracy) or a cross (accuracy under attack)."""

    kind: str
    x: float
    y: float
    text: str


@final
@dataclass(frozen=True)
class Line:
    """The curve of one run.

    path: an SVG path; x, y: its right end; label_y: height of the label beside it; style: number of
    its colour and dash pattern; points: (reach, certified accuracy) of its table.
    """

    name: str
    path: str
    x: float
    y: float
    label_y: float
    style: int
    marks: tuple[Mark, ...]
    points: tuple[tuple[str, str], ...]
    end: str


@final
@dataclass(frozen=True)
class CurveFigure:
    """A drawing of the curves that share an axis."""

    label: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    upwards: tuple[Tick, ...]
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM


def curve_figures(runs: Sequence[Totals]) -> tuple[CurveFigure, ...]:
    """Draw the curves of runs, those with the same axis together."""
    groups: dict[str, list[tuple[int, Totals, Curve]]] = {}
    for number, run in enumerate(runs):
        curve = certified_curve(run)
        groups.setdefault(curve.axis.label, []).append((number, run, curve))
    return tuple(_figure(label, group) for label, group in groups.items())


def _figure(label: str, group: Sequence[tuple[int, Totals, Curve]]) -> CurveFigure:
    end = max(curve.axis.end for _, _, curve in group)
    lines = [_line(number, summarize(run), curve, end) for number, run, curve in group]
    return CurveFigure(label, tuple(_apart(lines)), tuple(_across(end)), tuple(_upwards()))


def _line(number: int, summary: Summary, curve: Curve, end: float) -> Line:
    reach, accuracy = _thinned(curve)
    path = [f"M{_x(0.0, end):.1f} {_y(accuracy[0]):.1f}"]
    for there, high in zip(reach[1:], accuracy[1:], strict=True):
        path.append(f"V{_y(high):.1f}H{_x(there, end):.1f}")
    y = _y(accuracy[-1])
    return Line(
        shortened(summary.name, PAGE.name_length),
        "".join(path),
        _x(reach[-1], end),
        y,
        y,
        number % COLOURS,
        tuple(_marks(summary, curve, end)),
        tuple(_table(curve)),
        percent(accuracy[-1]),
    )


def _thinned(curve: Curve) -> tuple[list[float], list[float]]:
    """Keep at most ``PAGE.curve_points`` steps; the drawing lies on or below the curve."""
    every = -(-len(curve.reach) // PAGE.curve_points)
    kept = sorted({0, *range(len(curve.reach) - 1, 0, -every)})
    return [curve.reach[i] for i in kept], [curve.accuracy[i] for i in kept]


def _marks(summary: Summary, curve: Curve, end: float) -> Iterator[Mark]:
    if not summary.online:
        standard = summary.standard.value
        text = f"standard accuracy {percent(standard)}"
        yield Mark("standard", _x(0.0, end), _y(standard), text)
    if summary.attacked is not None:
        attacked = summary.attacked.value
        text = f"accuracy under attack {percent(attacked)}"
        yield Mark("attacked", _x(curve.axis.end, end), _y(attacked), text)


def _table(curve: Curve) -> Iterator[tuple[str, str]]:
    """Yield the curve at eight parts of the axis, each rounded to the side on which it holds."""
    for part in range(9):
        reach = curve.axis.end * part / 8
        high = next(
            (a for r, a in zip(curve.reach, curve.accuracy, strict=True) if r >= reach), 0.0
        )
        yield f"{text_down(reach, 4)} {curve.axis.unit}".strip(), percent(high)


def _apart(lines: Sequence[Line]) -> Iterator[Line]:
    """Move labels that would overlap: each at least one line below the one above it."""
    order = sorted(range(len(lines)), key=lambda i: lines[i].y)
    places: dict[int, float] = {}
    above = _TOP - _LABEL_HEIGHT
    for i in order:
        above = places[i] = max(lines[i].y, above + _LABEL_HEIGHT)
    # What was moved below the axis moves up again, and the labels above it with it.
    below = max(_BOTTOM, _TOP + _LABEL_HEIGHT * len(lines))
    for i in reversed(order):
        below = places[i] = min(places[i], below)
        below -= _LABEL_HEIGHT
    for i, line in enumerate(lines):
        yield replace(line, label_y=places[i])


def _across(end: float) -> Iterator[Tick]:
    step = _nice(end / 5)
    value, count = 0.0, 0
    while value <= end * (1 + 1e-9):
        yield Tick(_x(value, end), f"{value:g}")
        count += 1
        value = round(count * step, 12)


def _upwards() -> Iterator[Tick]:
    for part in range(6):
        yield Tick(_y(part / 5), f"{part * 20}%")


def _nice(step: float) -> float:
    """The number 1, 2, 2.5 or 5 times a power of ten that is nearest above ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(n * power for n in (1.0, 2.0, 2.5, 5.0, 10.0) if n * power >= step * (1 - 1e-9))


def _x(reach: float, end: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * reach / end


def _y(share: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * share

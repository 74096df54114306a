"""The columns of a table of certified accuracy: radii, angles, shifts, or shares of the region."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from gsmooth.errors import ConfigurationError
from gsmooth.report.reach import Axis, unit_text
from gsmooth.report.run_counts import RunCounts
from gsmooth.report.settings import REPORT

_ASKED: Final = re.compile(r"([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(\S.*)?")
_EXPECTED: Final = (
    "expected numbers in the unit of the runs (0,0.5,1), numbers with units (30deg, 2px, 0.5l2),"
    " or shares of each run's region (50%,100%)"
)


@final
@dataclass(frozen=True)
class ReachColumn:
    """A column: certified up to which reach?

    Args:
        value: The reach in the axis' unit, or the share of each run's region.
        header: What the column is called, e.g. ``±30°``, ``r = 0.5`` or ``50%``.
        axis: Label of the axis that ``value`` is on; None: a share.
    """

    value: float
    header: str
    axis: str | None

    def reach(self, run: RunCounts) -> float | None:
        """Return the reach on the axis of ``run``; None if the run was not asked about it."""
        if self.axis is None:
            return self.value * run.axis.end if run.bounded else None
        if self.axis != run.axis.label or (run.bounded and self.value > run.axis.end):
            return None
        return self.value


def reach_columns(
    runs: Sequence[RunCounts], asked: Sequence[str | float] | None = None
) -> tuple[ReachColumn, ...]:
    """Return the columns of a table of several runs.

    Args:
        runs: The runs.
        asked: A number in the unit that all runs share, ``"30deg"``, ``"2px"`` or ``"0.5l2"``, or
            ``"50%"`` of each run's region. None: round numbers and the ends of regions where the
            runs share an axis, shares of the region where they do not.

    Raises:
        ConfigurationError: A column cannot be read, or fits none of the runs.
    """
    axes = {run.axis.label: run.axis for run in runs}
    if asked is not None:
        columns = [_column(str(one).strip(), axes) for one in asked]
        if not columns:
            raise ConfigurationError(f"--at: no column; {_EXPECTED}")
        return tuple(columns)
    if len(axes) > 1 and all(run.bounded for run in runs):
        return tuple(_share(share) for share in _usual_shares(runs))
    return tuple(
        _on_axis(value, axis, len(axes) > 1)
        for label, axis in axes.items()
        for value in _usual_values([run for run in runs if run.axis.label == label])
    )


def round_steps(end: float, most: int = REPORT.field.table_steps) -> tuple[float, ...]:
    """Return 0 and further round numbers up to ``end``, at most ``most`` + 1 of them.

    Example:
        >>> round_steps(1.96), round_steps(30.0)
        ((0.0, 0.5, 1.0, 1.5), (0.0, 10.0, 20.0, 30.0))
    """
    if not end > 0.0:
        return (0.0,)
    scale = math.floor(math.log10(end)) - 1
    sizes = (digit * 10.0**power for power in (scale, scale + 1) for digit in (1, 2, 2.5, 5))
    step = next((size for size in sizes if end / size < most + 1), 10.0 ** (scale + 2))
    count = math.floor(end / step * (1.0 + 1e-12))
    return tuple(float(f"{number * step:.12g}") for number in range(count + 1))


def _usual_values(runs: Sequence[RunCounts]) -> list[float]:
    """Round numbers up to the farthest reach; the ends of regions that are certified or not."""
    ends = {run.axis.end for run in runs if run.bounded}
    if all(run.is_all_or_nothing for run in runs):
        return sorted(ends)
    return sorted({*round_steps(max(run.farthest for run in runs)), *ends})


def _usual_shares(runs: Sequence[RunCounts]) -> tuple[float, ...]:
    return (1.0,) if all(run.is_all_or_nothing for run in runs) else REPORT.fractions


def _column(text: str, axes: dict[str, Axis]) -> ReachColumn:
    match = _ASKED.fullmatch(text)
    try:
        value, unit = float(match[1]) if match else math.nan, match[2] if match else ""
    except ValueError:
        value, unit = math.nan, ""
    if not math.isfinite(value):
        raise ConfigurationError(f"--at {text}: {_EXPECTED}")
    if unit == "%":
        if value > 100.0:
            raise ConfigurationError(f"--at {text}: a region has no more than 100%; {_EXPECTED}")
        return _share(float(f"{value / 100.0:.15g}"))
    fitting = [axis for axis in axes.values() if unit in (None, *_units(axis))]
    if len(fitting) == 1:
        return _on_axis(value, fitting[0], len(axes) > 1)
    told = ", ".join(repr(axis.label) for axis in fitting or axes.values())
    if fitting:
        raise ConfigurationError(
            f"--at {text}: the runs are about {told}, so it has no single meaning; {_EXPECTED}"
        )
    raise ConfigurationError(
        f"--at {text}: no run has the unit {unit!r}, they are about {told}; {_EXPECTED}"
    )


def _units(axis: Axis) -> Iterator[str]:
    if axis.kind == "l2":
        yield "l2"
    elif axis.unit:
        yield axis.unit
        yield unit_text(axis.unit).strip()


def _on_axis(value: float, axis: Axis, several: bool) -> ReachColumn:
    """The column of a reach; ``several``: other columns are about other axes."""
    number = f"{value:.12g}"
    match axis.kind:
        case "l2":
            header = f"r = {number}"
        case "fraction":
            header = f"{100.0 * value:.12g}%"
        case _:
            what = f"{' and '.join(axis.names)} " if several else ""
            header = f"{what}±{number}{unit_text(axis.unit)}"
    return ReachColumn(value, header, axis.label)


def _share(share: float) -> ReachColumn:
    return ReachColumn(share, f"{100.0 * share:.12g}%", None)

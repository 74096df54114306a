"""Curves of certified accuracy against angle, shift or radius, with confidence bands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from gsmooth.errors import ConfigurationError
from gsmooth.report.figure_style import (
    ATTACKED,
    STANDARD,
    colour,
    dash,
    dress,
    explain_marks,
    new_figure,
    percent_ticks,
    save_both,
)
from gsmooth.report.line_labels import LineLabel, label_lines
from gsmooth.report.reach import Axis
from gsmooth.report.run_counts import RunCounts, named_apart
from gsmooth.report.run_settings import naming_settings, row_names, spoken
from gsmooth.report.settings import REPORT
from gsmooth.report.share import Interval, Share, exact_interval
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import shortened
from gsmooth.text.rounding import percent, text_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Run = Records | Totals | RunCounts
"""What a curve is drawn of: records, their totals, or the counts of a run or of a TSV."""


@final
@dataclass(frozen=True)
class Curve:
    """Certified accuracy as a step function of the reach.

    Args:
        axis: Name and unit of the reach.
        reach: Ascending reaches, from 0 on.
        counts: Images that are correctly certified at every reach up to ``reach[i]``. Beyond the
            last reach there are none.
        images: Number of images.
    """

    axis: Axis
    reach: tuple[float, ...]
    counts: tuple[int, ...]
    images: int

    @property
    def accuracy(self) -> tuple[float, ...]:
        """The counts as shares of all images."""
        return tuple(count / self.images for count in self.counts)

    def band(self, confidence: float = 0.95) -> tuple[Interval, ...]:
        """Compute the exact binomial interval at each reach; the level is that of a single one."""
        known = {
            count: exact_interval(Share(count, self.images), confidence)
            for count in set(self.counts)
        }
        return tuple(known[count] for count in self.counts)


def certified_curve(run: Run) -> Curve:
    """Compute the curve of one run; in region mode it has one step, at the end of the region."""
    found = RunCounts.of(run)
    reached = found.total.reached
    parts = sorted(part for part in reached if part)
    # Counted from the farthest reach inwards: an image counts at every reach up to its own.
    counts = list(accumulate(reached[part] for part in reversed(parts)))[::-1]
    first = counts[0] if counts else 0
    end = found.axis.end
    return Curve(found.axis, (0.0, *(p * end for p in parts)), (first, *counts), found.total.images)


def draw_curves(
    runs: Sequence[Run], stem: Path, *, confidence: float = 0.95, width: float | None = None
) -> tuple[Path, Path]:
    """Write ``stem``.png and ``stem``.svg with one curve for each run.

    Args:
        runs: Records of runs, their totals, or counts.
        stem: Path of the files without suffix.
        confidence, width: As in :func:`curve_figure`.

    Returns:
        The paths of both files.

    Raises:
        ConfigurationError: There is no run.
        OutputError: A file cannot be written.
    """
    return save_both(curve_figure(runs, confidence=confidence, width=width), stem)


def curve_figure(
    runs: Sequence[Run], *, confidence: float = 0.95, width: float | None = None
) -> Figure:
    """Draw certified accuracy against the reach, with a band of exact intervals.

    Runs about other attacks have axes of their own, side by side.

    Args:
        runs: Records of runs, their totals, or counts.
        confidence: Level of the interval at a single reach.
        width: Width in inches; None: 6.4, and more for several axes.

    Raises:
        ConfigurationError: There is no run, or ``confidence`` is no level.
    """
    if not runs:
        raise ConfigurationError("report: no run to draw; name folders of records, or TSV files")
    found = named_apart([RunCounts.of(run) for run in runs])
    groups: dict[str, list[int]] = {}
    for number, run in enumerate(found):
        groups.setdefault(run.axis.label, []).append(number)
    usual = REPORT.field.figure_inches * (1.0 + 0.75 * (len(groups) - 1))
    figure = new_figure(usual if width is None else width)
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    title = _title(found, figure.get_figwidth(), confidence)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.0)
    explain_marks(figure, dict(_marks(found)))
    drawn = [
        (axes, _draw_group(axes, found, group, confidence))
        for axes, group in zip(panels, groups.values(), strict=True)
    ]
    panels[0].set_ylabel("certified accuracy")
    for axes, labels in drawn:
        label_lines(figure, axes, labels)
    return figure


def _draw_group(
    axes: Axes, every: Sequence[RunCounts], group: Sequence[int], confidence: float
) -> list[LineLabel]:
    """Draw the runs of these numbers on their common axis; return the labels of their lines."""
    runs = [every[number] for number in group]
    names = ["certified accuracy"] if len(every) == 1 else labels_of(runs)
    curves = [certified_curve(run) for run in runs]
    labels = [
        _draw(axes, curve, run, name, number, confidence)
        for curve, run, name, number in zip(curves, runs, names, group, strict=True)
    ]
    dress(axes, curves[0].axis.label, "")
    axes.set_xlim(0.0, 1.02 * (max(run.farthest for run in runs) or 1.0))
    axes.set_ylim(0.0, 1.02)
    axes.yaxis.set_major_formatter(percent_ticks())
    return labels


def labels_of(runs: Sequence[RunCounts]) -> list[str]:
    """Name each run by the settings in which the runs differ, e.g. ``sigma 0.25``."""
    named_by = naming_settings([run.settings for run in runs])
    return [
        shortened(
            spoken(named_by, row_names(named_by, run.name, run.settings, run.config)) or run.name
        )
        for run in runs
    ]


def _draw(
    axes: Axes, curve: Curve, run: RunCounts, name: str, number: int, confidence: float
) -> LineLabel:
    end, last = curve.reach[-1], curve.accuracy[-1]
    curve, ink = _thinned(curve), colour(number)
    band = curve.band(confidence)
    axes.fill_between(
        curve.reach,
        [interval.low for interval in band],
        [interval.high for interval in band],
        step="pre",
        color=ink,
        alpha=0.14,
        lw=0.0,
    )
    style: dict[str, Any] = {"drawstyle": "steps-pre", "solid_capstyle": "butt"}
    axes.plot(curve.reach, curve.accuracy, color=ink, lw=2.0, ls=dash(number), **style)
    axes.plot([end, end], [last, 0.0], color=ink, lw=1.0, ls=(0, (1, 1.5)))
    if run.total.standard is not None:
        axes.plot([0.0], [run.total.standard / run.total.images], color=ink, **STANDARD)
    if run.total.attacked is not None:
        axes.plot([curve.axis.end], [run.total.attacked.value], color=ink, **ATTACKED)
    shown = f"{name}: {percent(last)}" if run.is_all_or_nothing else name
    return LineLabel(end, last, shown, ink)


def _thinned(curve: Curve) -> Curve:
    """Reduce a curve to at most ``REPORT.curve_points`` points, on or below the curve.

    Where a step is omitted, the reduced curve falls to the next step earlier.
    """
    every = -(-len(curve.reach) // REPORT.curve_points)
    kept = sorted({0, *range(len(curve.reach) - 1, 0, -every)})
    # Before each step that is kept, the curve already has the lower accuracy of that step.
    return Curve(
        curve.axis,
        tuple(curve.reach[place] for place in kept),
        tuple(curve.counts[place] for place in kept),
        curve.images,
    )


def _marks(runs: Sequence[RunCounts]) -> Iterator[tuple[str, dict[str, Any]]]:
    if any(run.total.standard is not None for run in runs):
        yield "standard accuracy of g", STANDARD
    if any(run.total.attacked is not None for run in runs):
        yield "accuracy under attack", ATTACKED


def _title(runs: Sequence[RunCounts], inches: float, confidence: float) -> str:
    kinds = sorted({kind for run in runs for kind in run.guarantees})
    alphas = sorted({text_up(run.alpha) for run in runs if run.alpha is not None})
    images = sorted({run.total.images for run in runs})
    parts = [
        f"{' and '.join(kinds)} guarantee" if kinds else "",
        f"alpha = {', '.join(alphas)} an image" if alphas else "",
        f"{' and '.join(map(str, images))} images",
        f"band: exact {100.0 * confidence:.12g}% interval at each point",
    ]
    captions = [run.caption for run in runs] if len(runs) == 1 else []
    width = int(REPORT.caption_columns * inches / REPORT.field.figure_inches)
    texts = (", ".join(part for part in parts if part), *captions)
    return "\n".join(line for text in texts for line in textwrap.wrap(text, width))

"""Certified against attacked: what is proved of a run, and what an attack could not refute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gsmooth.errors import ConfigurationError
from gsmooth.report.figure_style import (
    ATTACKED,
    INK,
    STANDARD,
    colour,
    dress,
    explain_marks,
    new_figure,
    percent_ticks,
)
from gsmooth.report.line_labels import wrapped
from gsmooth.report.run_counts import RunCounts
from gsmooth.report.settings import REPORT
from gsmooth.report.share import Share, exact_interval
from gsmooth.text.rounding import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CERTIFIED: dict[str, Any] = {"marker": "|", "ms": 13, "mew": 2.6, "ls": "none"}


def attack_figure(
    runs: Sequence[RunCounts],
    names: Sequence[str],
    *,
    confidence: float = 0.95,
    width: float | None = None,
) -> Figure:
    """Draw a line from certified accuracy to accuracy under attack for each run.

    The accuracy under all attacks of the region lies between the two: images on the line are
    neither certified nor broken. Thin lines are exact binomial intervals.

    Args:
        runs: Counts of the runs.
        names: The name of each run.
        confidence: Level of the intervals.
        width: Width in inches.

    Raises:
        ConfigurationError: No run was attacked.
    """
    chosen = [(run, name) for run, name in zip(runs, names, strict=True) if run.total.attacked]
    if not chosen:
        raise ConfigurationError(
            "attack: no run was attacked; certify with attack.enabled = true (the default of"
            " gsmooth certify)"
        )
    inches = REPORT.field.figure_inches if width is None else width
    figure = new_figure(inches, 1.5 + 0.52 * len(chosen))
    axes = figure.subplots()
    for number, (run, _) in enumerate(chosen):
        _draw(axes, run, -float(number), colour(number), confidence)
    axes.set_xlim(0.0, 1.02)
    axes.set_ylim(0.6 - len(chosen), 0.6)
    dress(axes, "share of images", "")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#E4E4E4", lw=0.8)
    columns = max(12, int(4.5 * inches))
    texts = [wrapped(name, columns) for _, name in chosen]
    axes.set_yticks([-float(number) for number in range(len(chosen))], texts, color=INK)
    axes.tick_params(axis="y", length=0.0, labelsize=9.0)
    axes.xaxis.set_major_formatter(percent_ticks())
    told = f"thin lines: exact {100.0 * confidence:.12g}% intervals"
    figure.suptitle(told, x=0.01, ha="left", fontsize=9.0)
    explain_marks(
        figure,
        {
            "certified": _CERTIFIED,
            "under attack": ATTACKED,
            "standard": STANDARD,
        },
    )
    return figure


def _draw(axes: Axes, run: RunCounts, height: float, ink: str, confidence: float) -> None:
    certified = run.total.certified(run.axis.end, run.axis.end)
    attacked = run.total.attacked
    assert attacked is not None
    between = [certified.value, attacked.value]
    axes.plot(between, [height, height], color=ink, lw=6.0, alpha=0.25, solid_capstyle="butt")
    for share in (certified, attacked):
        interval = exact_interval(share, confidence)
        axes.plot([interval.low, interval.high], [height, height], color=ink, lw=1.0)
    axes.plot([certified.value], [height], color=ink, **_CERTIFIED)
    axes.plot([attacked.value], [height], color=ink, **ATTACKED)
    if run.total.standard is not None:
        axes.plot(
            [Share(run.total.standard, run.total.images).value], [height], color=ink, **STANDARD
        )
    for share, side in ((certified, "right"), (attacked, "left")):
        axes.annotate(
            percent(share.value),
            (share.value, height),
            (-4.0 if side == "right" else 4.0, 8.0),
            textcoords="offset points",
            ha=side,
            fontsize=8.0,
            color=ink,
        )

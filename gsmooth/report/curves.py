"""Curves of certified accuracy against angle, shift or radius, as PNG and SVG."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from gsmooth.errors import ConfigurationError
from gsmooth.report.reach import Axis, axis_of
from gsmooth.report.settings import REPORT
from gsmooth.report.summary import Summary, summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.text.display import plain_lines, shortened
from gsmooth.text.rounding import percent, text_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito, which colour-blind readers can distinguish.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_INK, _FAINT = "#222222", "#8A8A8A"
_MARK: Final[dict[str, Any]] = {"ls": "none", "clip_on": False, "zorder": 4}
_STANDARD: Final = {**_MARK, "marker": "o", "mfc": "white", "mew": 1.8, "ms": 7}
_ATTACKED: Final = {**_MARK, "marker": "x", "mew": 2.2, "ms": 8}


@final
@dataclass(frozen=True)
class Curve:
    """Certified accuracy as a step function of the reach.

    Args:
        axis: Name and unit of the reach.
        reach: Ascending reaches, from 0 on.
        accuracy: Share of all images that are correctly certified at every reach up to
            ``reach[i]``. Beyond the last reach it is 0.
    """

    axis: Axis
    reach: tuple[float, ...]
    accuracy: tuple[float, ...]


def certified_curve(run: Records | Totals) -> Curve:
    """Compute the curve of one run; in region mode it has one step, at the end of the region."""
    totals = Totals.of(run)
    axis = axis_of(totals.run)
    reached = sorted(fraction for fraction in totals.reached if fraction)
    # Counted from the farthest reach inwards: an image counts at every reach up to its own.
    certified = accumulate(totals.reached[fraction] for fraction in reversed(reached))
    accuracy = [count / totals.images for count in certified][::-1]
    first = accuracy[0] if accuracy else 0.0
    return Curve(axis, (0.0, *(g * axis.end for g in reached)), (first, *accuracy))


def draw_curves(runs: Sequence[Records | Totals], stem: Path) -> tuple[Path, Path]:
    """Write ``stem``.png and ``stem``.svg with one curve for each run.

    Args:
        runs: Records of runs, or their totals.
        stem: Path of the files without suffix.

    Returns:
        The paths of both files.

    Raises:
        ConfigurationError: The runs have no common axis.
        OutputError: A file cannot be written.
    """
    counted = [Totals.of(run) for run in runs]
    axes = {axis_of(totals.run).label for totals in counted}
    if len(axes) != 1:
        raise ConfigurationError(
            f"report: the runs are about {' and '.join(sorted(axes)) or 'nothing'}, which share no"
            " axis; report on them one by one"
        )
    figure = _figure(counted)
    return save(figure, stem.with_name(f"{stem.name}.png")), save(
        figure, stem.with_name(f"{stem.name}.svg")
    )


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the path's suffix; the bytes are reproducible.

    Texts are written literally: matplotlib's mathematics between dollars is off, and control
    characters are escaped.
    """
    import matplotlib

    _make_plain(figure)
    buffer = io.BytesIO()
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with (
        matplotlib.rc_context({"svg.hashsalt": "gsmooth", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        # Letters that the font lacks are drawn as boxes, without a warning.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(buffer, format=path.suffix[1:], dpi=160, metadata=metadata)
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())
    return path


def _make_plain(figure: Figure) -> None:
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(plain_lines(text.get_text()))


def _figure(runs: Sequence[Totals]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    summaries = [summarize(run) for run in runs]
    curves = [certified_curve(run) for run in runs]
    alone = len(runs) == 1
    for number, (curve, summary) in enumerate(zip(curves, summaries, strict=True)):
        _draw(axes, curve, summary, COLOURS[number % len(COLOURS)], alone)
    _dress(axes, max(curve.axis.end for curve in curves), curves[0].axis.label)
    _legend(axes, summaries)
    axes.set_title(_title(summaries), loc="left", fontsize=9.0, color=_INK)
    return figure


def _draw(axes: Axes, curve: Curve, summary: Summary, colour: str, alone: bool) -> None:
    end, last = curve.reach[-1], curve.accuracy[-1]
    curve = _thinned(curve)
    # A legend omits labels that begin with an underscore; a space in front prevents that.
    name = "certified accuracy" if alone else f" {shortened(summary.name)}: certified accuracy"
    style: dict[str, Any] = {"drawstyle": "steps-pre", "solid_capstyle": "butt", "label": name}
    axes.plot(curve.reach, curve.accuracy, color=colour, lw=2.2, **style)
    axes.plot([end, end], [last, 0.0], color=colour, lw=1.2, ls=(0, (1, 1.5)))
    axes.plot([0.0], [summary.standard.value], color=colour, **_STANDARD)
    if summary.attacked is not None:
        axes.plot([curve.axis.end], [summary.attacked.value], color=colour, **_ATTACKED)
    if alone:
        axes.annotate(
            percent(last),
            (end, last),
            (-7, -8),
            textcoords="offset points",
            ha="right",
            va="top",
            color=colour,
            fontsize=10.5,
            fontweight="bold",
        )


def _thinned(curve: Curve) -> Curve:
    """Reduce a curve to at most ``REPORT.curve_points`` points, on or below the curve.

    Where a step is omitted, the reduced curve falls to the next step earlier.
    """
    every = -(-len(curve.reach) // REPORT.curve_points)
    kept = sorted({0, *range(len(curve.reach) - 1, 0, -every)})
    reach, accuracy = (
        [values[place] for place in kept] for values in (curve.reach, curve.accuracy)
    )
    # Before each step that is kept, the curve already has the lower accuracy of that step.
    return Curve(curve.axis, tuple(reach), tuple(accuracy))


def _legend(axes: Axes, summaries: Sequence[Summary]) -> None:
    """Draw one grey entry for each marker, whose meaning does not depend on the colour."""
    from matplotlib.lines import Line2D

    curves, _ = axes.get_legend_handles_labels()
    markers = [Line2D([], [], color=_FAINT, label="standard accuracy of g", **_STANDARD)]
    if any(summary.attacked is not None for summary in summaries):
        markers.append(Line2D([], [], color=_FAINT, label="accuracy under attack", **_ATTACKED))
    handles = [*curves, *markers]
    axes.legend(handles=handles, loc="lower left", frameon=False, fontsize=9.5, labelcolor=_INK)


def _dress(axes: Axes, end: float, label: str) -> None:
    axes.set_xlim(0.0, 1.04 * end)
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel(label, color=_INK)
    axes.set_ylabel("share of images", color=_INK)
    axes.yaxis.set_major_formatter(_percent())
    axes.grid(axis="y", color="#E4E4E4", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(color=_FAINT, labelcolor=_INK)


def _title(summaries: Sequence[Summary]) -> str:
    kinds = sorted({kind for summary in summaries for kind in summary.guarantees})
    alphas = sorted({f"{text_up(summary.alpha)}" for summary in summaries})
    images = sorted({summary.images for summary in summaries})
    told = (
        f"{' and '.join(kinds)} guarantee, alpha = {', '.join(alphas)} an image,"
        f" {' and '.join(map(str, images))} images"
    )
    names = [f"{shortened(summary.name)}: " if len(summaries) > 1 else "" for summary in summaries]
    captions = [n + summary.caption() for n, summary in zip(names, summaries, strict=True)]
    width = REPORT.caption_columns
    lines = [part for text in (told, *captions) for part in textwrap.wrap(text, width)]
    return "\n".join(lines)


def _percent() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1.0, decimals=0)

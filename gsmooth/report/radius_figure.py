"""The figure of the certified radius against the number of votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gsmooth.errors import ConfigurationError
from gsmooth.report.figure_style import (
    FAINT,
    colour,
    dash,
    dress,
    explain_marks,
    log_ticks,
    new_figure,
)
from gsmooth.report.line_labels import LineLabel, label_lines
from gsmooth.report.radius_against_n import RadiusAgainstN
from gsmooth.text.display import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BEST: dict[str, Any] = {"ls": (0, (4, 2)), "lw": 1.2}


def radius_figure(
    found: Sequence[RadiusAgainstN],
    names: Sequence[str],
    *,
    left_out: Sequence[str] = (),
    width: float | None = None,
) -> Figure:
    """Draw the average certified radius against n, and the best case of unanimous votes.

    Args:
        found: Radii of each run.
        names: The name of each run.
        left_out: Names of runs without a number of votes fixed in advance; the title tells them.
        width: Width in inches.

    Raises:
        ConfigurationError: There is no run.
    """
    if not found:
        raise ConfigurationError("radius against n: no run to draw")
    figure = new_figure(width)
    axes = figure.subplots()
    labels = []
    for number, (one, name) in enumerate(zip(found, names, strict=True)):
        axes.plot(one.n, one.mean, color=colour(number), lw=2.0, ls=dash(number))
        labels.append(LineLabel(one.n[-1], one.mean[-1], name, colour(number)))
    # Runs with equal noise and alpha have one best case; the longest one is drawn.
    bests = {(one.sigma, one.alpha): one for one in sorted(found, key=lambda one: one.n[-1])}
    for one in bests.values():
        axes.plot(one.n, one.best, color=FAINT, **_BEST)
        best = f"unanimous votes, sigma {one.sigma:.3g}"
        labels.append(LineLabel(one.n[-1], one.best[-1], best, FAINT))
    axes.set_xscale("log")
    axes.set_xlim(1.0, 1.05 * max(one.n[-1] for one in found))
    axes.set_ylim(0.0, None)
    dress(axes, "n, votes that bound the probability", "average certified l2 radius")
    log_ticks(axes)
    explain_marks(figure, {"mean over subsets of the kept votes": {"lw": 2.0}, "best case": _BEST})
    alphas = ", ".join(sorted({f"{one.alpha:g}" for one in found}))
    images = " and ".join(map(str, sorted({one.images for one in found})))
    told = f"alpha = {alphas} an image, {images} images"
    if left_out:
        told += f"\nwithout votes fixed in advance: {shortened(', '.join(left_out))}"
    figure.suptitle(told, x=0.01, ha="left", fontsize=9.0)
    label_lines(figure, axes, labels)
    return figure

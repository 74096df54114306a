"""The figures of a report by name: curve, votes, attack, radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

from gsmooth.report.attack_figure import attack_figure
from gsmooth.report.curves import curve_figure, labels_of
from gsmooth.report.radius_figure import radius_figure
from gsmooth.report.source import Source, radii_of
from gsmooth.report.votes_figure import votes_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureKind = Literal["curve", "votes", "attack", "radius"]
"""curve: certified accuracy by reach. votes: histogram of votes. attack: certified against
attacked. radius: the certified radius against n."""

FIGURES: Final[tuple[FigureKind, ...]] = get_args(FigureKind)


def figure_of(
    kind: FigureKind,
    sources: Sequence[Source],
    *,
    confidence: float = 0.95,
    width: float | None = None,
) -> Figure:
    """Draw one figure of several runs.

    Args:
        kind: Which one.
        sources: The runs, whose names differ.
        confidence: Level of intervals.
        width: Width in inches; None: the usual one.

    Raises:
        ConfigurationError: No run has what the figure shows.
    """
    runs = [source.counts for source in sources]
    names = labels_of(runs)
    match kind:
        case "curve":
            return curve_figure(runs, confidence=confidence, width=width)
        case "votes":
            return votes_figure(runs, names, width=width)
        case "attack":
            return attack_figure(runs, names, confidence=confidence, width=width)
        case "radius":
            radii = radii_of(sources, names)
            return radius_figure(radii.found, radii.names, left_out=radii.left_out, width=width)

"""The histogram of votes: how many forward passes the images of a run took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError
from gsmooth.report.figure_style import colour, dash, dress, log_ticks, new_figure, percent_ticks
from gsmooth.report.line_labels import LineLabel, label_lines
from gsmooth.report.run_counts import RunCounts
from gsmooth.report.settings import REPORT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


def votes_figure(
    runs: Sequence[RunCounts], names: Sequence[str], *, width: float | None = None
) -> Figure:
    """Draw the share of images by number of votes, one outline for each run.

    Args:
        runs: Counts of the runs.
        names: The name of each run.
        width: Width in inches.

    Raises:
        ConfigurationError: No run has votes; a TSV has none.
    """
    chosen = [(run, name) for run, name in zip(runs, names, strict=True) if run.votes]
    if not chosen:
        raise ConfigurationError("votes: no run has counted any; TSV files do not tell votes")
    figure = new_figure(width)
    axes = figure.subplots()
    edges = vote_edges([run.votes for run, _ in chosen])
    labels = []
    for number, (run, name) in enumerate(chosen):
        shares, ink = binned_shares(run.votes, edges), colour(number)
        axes.stairs(shares, edges, color=ink, lw=1.8, ls=dash(number), fill=False)
        axes.stairs(shares, edges, color=ink, alpha=0.12, fill=True)
        images = sum(run.votes.values())
        mean = sum(votes * count for votes, count in run.votes.items()) / images
        peak = int(np.argmax(shares))
        shown = f"{name}: {mean:,.0f} on average"
        labels.append(LineLabel(edges[peak + 1], float(shares[peak]), shown, ink))
    axes.set_xscale("log")
    log_ticks(axes)
    axes.set_ylim(0.0, None)
    dress(axes, "votes an image, selection included", "share of images")
    axes.yaxis.set_major_formatter(percent_ticks())
    label_lines(figure, axes, labels)
    return figure


def vote_edges(votes: Sequence[Mapping[int, int]]) -> list[float]:
    """Return the edges of bins that hold all numbers of votes, evenly spaced in their logarithm."""
    every = {max(1, number) for run in votes for number in run}
    low, high = min(every) / 1.1, max(every) * 1.1
    edges: list[float] = np.geomspace(low, high, REPORT.field.vote_bins + 1).tolist()
    return edges


def binned_shares(votes: Mapping[int, int], edges: Sequence[float]) -> Floats:
    """Return the share of images in each bin; together 1.

    Args:
        votes: Images by number of votes.
        edges: Edges of the bins.
    """
    numbers = [max(1, number) for number in votes]
    counts, _ = np.histogram(numbers, edges, weights=list(votes.values()))
    return np.asarray(counts / sum(votes.values()), dtype=np.float64)

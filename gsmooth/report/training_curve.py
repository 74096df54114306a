"""The curve of a training: loss, accuracy under noise, estimated certified accuracy."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gsmooth.runs.records.files import write_atomically
from gsmooth.training.report import EpochReport, TrainReport


def draw_training_curve(report: TrainReport, path: Path) -> None:
    """Draw the epochs of a training into a PNG file; nothing before the first epoch.

    Args:
        report: The epochs so far.
        path: The file.

    Raises:
        OutputError: It cannot be written.
    """
    if not report.epochs:
        return
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    accuracy = figure.add_subplot()
    loss = accuracy.twinx()
    epochs = [epoch.epoch for epoch in report.epochs]
    loss.plot(epochs, [e.loss for e in report.epochs], color="0.75", label="loss (right axis)")
    accuracy.plot(
        epochs, [e.accuracy for e in report.epochs], color="tab:blue", label="accuracy under noise"
    )
    estimated = [e for e in report.epochs if e.estimate is not None]
    if estimated:
        _draw_estimates(accuracy, report, estimated)
    accuracy.set(xlabel="epoch", ylabel="accuracy", ylim=(0.0, 1.0))
    loss.set(ylabel="loss", ylim=(0.0, None))
    handles = [*accuracy.get_lines(), *loss.get_lines()]
    accuracy.legend(handles=handles, loc="lower right", frameon=False, fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())


def _draw_estimates(axes: Axes, report: TrainReport, estimated: Sequence[EpochReport]) -> None:
    axes.plot(
        [e.epoch for e in estimated],
        [0.0 if e.estimate is None else e.estimate for e in estimated],
        color="tab:red",
        marker=".",
        label="estimated certified accuracy (validation)",
    )
    kept = report.kept
    assert kept is not None
    axes.axvline(kept.epoch, color="tab:red", linewidth=0.8, linestyle=":", label="weights kept")

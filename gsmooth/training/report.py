"""Reports of a training: epoch by epoch, and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from gsmooth.text.notebook import table_html
from gsmooth.text.rounding import percent

_SHOWN: Final = 20
"""Epochs in a table, at most."""


@final
@dataclass(frozen=True)
class EpochReport:
    """Results of one epoch.

    Args:
        epoch: Number of the epoch.
        loss: Mean loss on noisy inputs.
        accuracy: Accuracy on noisy inputs.
        seconds: Seconds since training began.
        estimate: Estimated certified accuracy on the validation images, of the averaged weights;
            None if it was not estimated. It is an estimate from few votes, without bounds.
        best: The estimate is the best so far.
    """

    epoch: int
    loss: float
    accuracy: float
    seconds: float
    estimate: float | None = None
    best: bool = False


@final
@dataclass(frozen=True)
class TrainReport:
    """Results of a training.

    Args:
        epochs: Results of each epoch.
    """

    epochs: tuple[EpochReport, ...]

    def _repr_html_(self) -> str:
        """For notebooks: the epochs whose estimate was the best so far, and the last one."""
        shown = [epoch for epoch in self.epochs if epoch.best or epoch is self.epochs[-1]]
        rows = [
            (
                epoch.epoch,
                f"{epoch.loss:.4g}",
                percent(epoch.accuracy),
                "" if epoch.estimate is None else percent(epoch.estimate),
                f"{epoch.seconds:.0f}",
            )
            for epoch in shown[-_SHOWN:]
        ]
        columns = ("epoch", "loss", "accuracy under noise", "estimated certified", "seconds")
        return table_html(f"Training of {len(self.epochs)} epochs", columns, rows)

    @property
    def kept(self) -> EpochReport | None:
        """The epoch whose weights were kept: the best estimate, or the last epoch without any."""
        best = [epoch for epoch in self.epochs if epoch.best]
        return next(reversed(best or self.epochs), None)

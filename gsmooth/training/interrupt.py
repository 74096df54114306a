"""Ctrl-C in a training: the step in progress is finished, and the best weights are kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from gsmooth.training.report import TrainReport


@final
class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C in a training; the module holds the best weights so far.

    Args:
        report: What the finished epochs gave.
        message: Where the training stopped.
    """

    def __init__(self, report: TrainReport, message: str) -> None:
        super().__init__(message)
        self.report = report


@contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a flag, and the second one a KeyboardInterrupt as usual.

    Outside the main thread nothing changes: Ctrl-C never arrives there.

    Yields:
        A function that says whether there was one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = False
    previous = signal.getsignal(signal.SIGINT)

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, previous)

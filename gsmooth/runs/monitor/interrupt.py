"""Interrupt: Ctrl-C takes effect after the write in progress; the message names what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final


@final
class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a run; the message names what is kept and how to go on."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block ends, then raise KeyboardInterrupt.

    Outside the main thread nothing is held back: Ctrl-C never arrives there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pending
        pending = True

    previous = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if pending:
        raise KeyboardInterrupt

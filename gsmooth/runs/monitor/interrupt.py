"""Interrupt: Ctrl-C and SIGTERM end a run after the write in progress, and say what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final


@final
class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM in a run; the message names what is kept and how to go on."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM, which schedulers send, end the block as Ctrl-C does.

    Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block ends, then raise KeyboardInterrupt.

    A SIGTERM that would end the process at once still does. Outside the main thread nothing is held
    back: signals never arrive there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pending
        pending = True

    held = [signal.SIGINT]
    if callable(signal.getsignal(signal.SIGTERM)):
        held.append(signal.SIGTERM)
    previous = {number: signal.signal(number, remember) for number in held}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if pending:
        raise KeyboardInterrupt

"""Ctrl-C during a write: the write finishes first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from gsmooth.runs.monitor.interrupt import uninterrupted


def interrupted_block(step: Callable[[], None]) -> None:
    """Run ``step`` under protection, after Ctrl-C was pressed."""
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        step()


def test_ctrl_c_waits_for_the_block_to_end() -> None:
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_block(lambda: steps.append("written"))
    assert steps == ["written"]


def test_without_ctrl_c_nothing_happens_and_the_handler_is_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_comes_before_the_interrupt() -> None:
    def fail() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        interrupted_block(fail)


def test_other_threads_may_use_it() -> None:
    steps: list[str] = []

    def work() -> None:
        with uninterrupted():
            steps.append("written")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert steps == ["written"]

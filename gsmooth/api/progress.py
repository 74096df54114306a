"""A progress bar on stderr: there while a caller waits, gone when results are handed over."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Self, final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@final
@dataclass
class Waiting:
    """How far a verb is. Use as a context manager around the wait.

    total: images in all. done: finished ones. votes: cast so far. shown: whether there is a bar.
    unit: what is counted.
    """

    total: int
    shown: bool
    done: int = 0
    votes: int = 0
    seconds: float = 0.0
    unit: str = "images"
    _bar: Progress | None = field(default=None, repr=False)
    _task: TaskID | None = field(default=None, repr=False)
    _began: float = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self.shown:
            self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds += time.monotonic() - self._began
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, done: int, votes: int) -> None:
        """So many images are finished, for so many votes in all."""
        self.done, self.votes = done, votes
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, figures=self._figures())

    def _figures(self) -> str:
        seconds = self.seconds + time.monotonic() - self._began
        return f", {self.votes / seconds:,.0f} votes/s" if self.votes and seconds > 0.0 else ""

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(self.unit + "{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        figures = self._figures()
        self._task = self._bar.add_task("", total=self.total, completed=self.done, figures=figures)
        self._bar.start()


def is_wanted(progress: bool | None) -> bool:
    """Whether to show a bar: as asked, or by default where a person can see it.

    In a notebook rich draws it with ipywidgets, and warns where they are not installed.
    """
    if progress is not None:
        return progress
    in_notebook = "ipykernel" in sys.modules and find_spec("ipywidgets") is not None
    return sys.stderr.isatty() or in_notebook

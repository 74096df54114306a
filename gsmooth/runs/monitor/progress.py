"""Progress: what a run prints while it works; always on stderr, never on stdout."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO, final

from gsmooth.runs.cost.forecast import Span, duration
from gsmooth.text.display import plain_lines
from gsmooth.text.rounding import percent

if TYPE_CHECKING:
    from rich.console import Console


@final
@dataclass(frozen=True)
class RunProgress:
    """Where a run stands. ``votes`` and ``seconds`` are of this process, resumed images left out.

    hits of scored images count (certified with the right label, or predicted rightly); ``merit``
    names that share, and is empty where there is neither a share nor a vote. forecast: of the
    seconds left, where more is known than that an image takes about as long as another. unit: what
    is counted.
    """

    done: int
    total: int
    votes: int
    seconds: float
    hits: int
    scored: int
    merit: str
    forecast: Span | None = None
    unit: str = "images"

    @property
    def votes_per_second(self) -> float:
        """Forward passes a second, 0 before the first."""
        return self.votes / self.seconds if self.seconds > 0 else 0.0

    @property
    def share(self) -> float:
        """The running accuracy, 0 before the first image."""
        return self.hits / self.scored if self.scored else 0.0

    @property
    def left(self) -> Span | None:
        """Seconds left, by this process's own pace; None where there is no evidence yet.

        Images of an earlier run are no evidence: they may have been made on another machine.
        """
        if self.forecast is not None:
            return self.forecast
        if not self.scored or self.seconds <= 0:
            return None
        mean = self.seconds / self.scored * (self.total - self.done)
        return Span(mean, mean, mean)


class Progress(Protocol):
    """Where a run reports to. Used as a context manager around the run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self, state: RunProgress) -> None:
        """One more image is finished, votes have been cast, or the run begins."""

    def say(self, message: str) -> None:
        """A line worth reading now: a resume, a warning."""


@final
class LineProgress:
    """Plain lines for logs: at the start, at most one every ``pause_s`` seconds, at the end."""

    def __init__(self, stream: TextIO | None = None, pause_s: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._pause_s = pause_s
        self._printed_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self, state: RunProgress) -> None:
        now = time.monotonic()
        if state.done < state.total and now - self._printed_at < self._pause_s:
            return
        self._printed_at = now
        self.say(f"{state.done}/{state.total} {state.unit}{_figures(state)}{_time(state)}")

    def say(self, message: str) -> None:
        print(plain_lines(message), file=self._stream, flush=True)


@final
class BarProgress:
    """A bar on a terminal: images done, votes/s, running accuracy, time left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}{task.fields[figures]}{task.fields[time]}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=None, unit="images", figures="", time="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, state: RunProgress) -> None:
        self._bar.update(
            self._task,
            total=state.total,
            completed=state.done,
            unit=state.unit,
            figures=_figures(state),
            time=_time(state),
        )

    def say(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False)


def _figures(state: RunProgress) -> str:
    """Votes a second once there are any, and the share of images once there is one."""
    if not state.merit:
        return ""
    rate = f", {state.votes_per_second:,.0f} votes/s" if state.votes else ""
    # Images of an earlier run are not among those that the share is of.
    of = f" of the {state.scored:,} new" if state.scored < state.done else ""
    return rate + (f", {state.merit} {percent(state.share)}{of}" if state.scored else "")


def _time(state: RunProgress) -> str:
    """Time left, or what it took."""
    if state.done >= state.total:
        return f", in {duration(state.seconds)}" if state.scored else ""
    left = state.left
    return ", time left not known yet" if left is None else f", {left.spoken()} left"

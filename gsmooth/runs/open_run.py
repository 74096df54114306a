"""OpenRun: the folder of a run that goes on, its sums so far, and what the user is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.data.dataset import Dataset
from gsmooth.runs.config.run_config import RunConfig, to_toml
from gsmooth.runs.config.run_file import CONFIG_NAME
from gsmooth.runs.monitor.interrupt import Interrupted, stopped_by_signals, uninterrupted
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.monitor.run_monitor import RunMonitor
from gsmooth.runs.records.folder import RecordWriter
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.journal import write_atomically
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.violation import Violation


@final
@dataclass(frozen=True)
class RunSummary:
    """What a run did: images asked for and how many of them now; votes and seconds of this time.

    attack_seconds: what the adversary took of it; of several workers, the sum of theirs. dataset:
    what the images were taken from; None where other processes read them.
    """

    folder: Path
    config: RunConfig
    images: int
    fresh: int
    votes: int
    seconds: float
    attack_seconds: float
    dataset: Dataset | None

    def time_spent(self) -> str:
        """In words, with the adversary apart; empty if no image was certified this time."""
        if not self.fresh:
            return ""
        told = f"{self.fresh} image{'s' if self.fresh > 1 else ''} in {self.seconds:.1f} s"
        if not self.config.attack.enabled:
            return told
        whose = " of the workers' time" if self.config.engine.executor == "ray" else " of them"
        return f"{told}; the adversary took {self.attack_seconds:.1f} s{whose}"


@final
@dataclass(frozen=True)
class Finished:
    """One image, with nothing left to compute: it can be sent to the process that writes.

    row: its row. forwards, seconds: votes and time of the attack. missing_gradient: what the attack
    did without. violation: the case, where the attack beat the certificate.
    """

    row: Row
    forwards: int
    seconds: float
    missing_gradient: str | None
    violation: Violation | None


@final
@dataclass
class OpenRun:
    """A run whose folder is open: images come in one by one, and each is written at once.

    images: of the whole run. todo: those that are not in its folder yet.
    """

    config: RunConfig
    images: int
    todo: list[int]
    writer: RecordWriter
    monitor: RunMonitor
    progress: Progress

    def commit(self, found: Finished) -> None:
        """Write the row of an image and report it.

        Raises:
            ViolationError: The attack on it succeeded; the row is written, and the case is saved.
        """
        with uninterrupted():
            self.writer.write(found.row)
            self.monitor.add(found.row, found.forwards, found.seconds, found.missing_gradient)
        if found.violation is not None:
            found.violation.save_and_raise(self.writer.folder)
        self.report()
        for notice in self.monitor.online_notices():
            self.progress.say(notice)

    def report(self) -> None:
        """Show where the run stands."""
        self.progress.update(self.monitor.progress())

    def summary(self, dataset: Dataset | None) -> RunSummary:
        """What this run did."""
        return RunSummary(
            self.writer.folder,
            self.config,
            self.images,
            len(self.todo),
            self.monitor.votes,
            self.monitor.seconds,
            self.monitor.attack_s,
            dataset,
        )


@contextmanager
def open_run(
    config: RunConfig,
    header: RunHeader,
    indices: range,
    notices: Iterable[str],
    progress: Progress,
) -> Iterator[OpenRun]:
    """The records of a run, locked and opened, as long as the block lasts.

    Args:
        config: As it is recorded, beside the records.
        header: What the records are of.
        indices: The images of the run.
        notices: What the user is told before the first image.
        progress: Where the run reports to.

    Raises:
        RecordError: The folder holds another run, or another process writes to it.
        Interrupted: Ctrl-C or SIGTERM in the block; what is finished stays.
    """
    folder, total = config.output.folder, len(indices)
    with RecordWriter(folder, header) as writer, _explained(writer, total), progress:
        write_atomically(folder / CONFIG_NAME, to_toml(config).encode())
        todo = [index for index in indices if index not in writer.done]
        monitor = RunMonitor.opened(config, total, len(todo))
        if monitor.before:
            progress.say(f"{monitor.before} of {total} images are in {folder} already")
        for notice in notices:
            progress.say(notice)
        run = OpenRun(config, total, todo, writer, monitor, progress)
        run.report()
        yield run


@contextmanager
def _explained(writer: RecordWriter, total: int) -> Iterator[None]:
    """Give the message of Ctrl-C and SIGTERM the number of images that are kept."""
    try:
        with stopped_by_signals():
            yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"interrupted: {len(writer.done)} of {total} images are kept in"
            f" {writer.folder}; the same command goes on from there"
        ) from error

"""Worker processes, to which trials are dealt until the time is over.

A worker that dies or hangs takes its trial with it and nothing else; what it wrote is kept.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Final, final

from tests.fuzz.parts import PARTS
from tests.fuzz.trial import GIVEN_UP, Part, Result, Trial, last_lines, told

TICK: Final = 0.5
"""Seconds between two looks at the clock."""


def attempt(trial: Trial) -> Result:
    """Make one trial here; whatever it raises is a finding."""
    began = monotonic()
    try:
        word = PARTS[trial.part].body(trial.seed)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:
        found, detail = told(fault)
        return Result(trial, "FOUND", monotonic() - began, found, detail)
    return Result(trial, word, monotonic() - began)


def results(parts: Sequence[Part], seconds: float, jobs: int, seed: int) -> Generator[Result]:
    """What comes of trials, in order of completion, until the time is over.

    Trials that are under way then are given up. Closing the generator ends the workers.
    """
    ends = monotonic() + seconds
    deck = Deck(parts, seed)
    with tempfile.TemporaryDirectory(prefix="gsmooth-fuzz-") as folder:
        workers = [_Worker(Path(folder) / f"{number}.log") for number in range(jobs)]
        try:
            while (now := monotonic()) < ends:
                for worker in workers:
                    if worker.trial is None:
                        worker.give(deck.deal())
                wait([worker.near for worker in workers], min(TICK, ends - now))
                for worker in workers:
                    if (result := worker.result()) is not None:
                        deck.spend(result)
                        yield result
            yield from _given_up(workers)
        finally:
            for worker in workers:
                worker.end()


def _given_up(workers: Sequence[_Worker]) -> Iterator[Result]:
    for worker in workers:
        if worker.trial is not None:
            yield Result(worker.trial, GIVEN_UP, monotonic() - worker.since)


@final
class Deck:
    """Which trial is next: of the part that has had least of the time that is due to it."""

    def __init__(self, parts: Sequence[Part], seed: int) -> None:
        self._parts = {part.name: part for part in parts}
        self._spent = {part.name: 0.0 for part in parts}
        self._next = {part.name: seed for part in parts}

    def deal(self) -> Trial:
        name = min(self._spent, key=lambda each: self._spent[each] / self._parts[each].weight)
        # As if it took a second, so that the other workers look elsewhere.
        self._spent[name] += 1.0
        self._next[name] += 1
        return Trial(name, self._next[name])

    def spend(self, result: Result) -> None:
        self._spent[result.trial.part] += result.seconds - 1.0


@final
@dataclass
class _Worker:
    """A process that makes one trial at a time, and is replaced when it dies."""

    log: Path
    trial: Trial | None = None
    since: float = 0.0
    near: Connection = field(init=False)
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        spawn = mp.get_context("spawn")
        self.near, far = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(far, str(self.log)), daemon=True)
        self.process.start()
        far.close()

    def give(self, trial: Trial) -> None:
        self.trial, self.since = trial, monotonic()
        with suppress(OSError):  # It died in between: seen when its result is asked for.
            self.near.send(trial)

    def result(self) -> Result | None:
        """What came of its trial, if it is over, one way or another."""
        assert self.trial is not None
        spent = monotonic() - self.since
        try:
            if self.near.poll():
                found: Result = self.near.recv()
                self.trial = None
                return found
        except (EOFError, OSError):
            return self._lost(f"the process died ({self._how_it_died()})", spent)
        if spent > PARTS[self.trial.part].seconds:
            return self._lost(f"not over after {spent:.0f} s", spent)
        return None

    def _lost(self, why: str, spent: float) -> Result:
        assert self.trial is not None
        trial, said = self.trial, self.log.read_text("utf-8", errors="replace")
        self.end()
        self._start()
        self.trial = None
        return Result(trial, "FOUND", spent, why, last_lines(said))

    def _how_it_died(self) -> str:
        self.process.join(5.0)
        return f"exit code {self.process.exitcode}"

    def end(self) -> None:
        """Kill it, with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.join()
        self.near.close()


def _serve(near: Connection, log: str) -> None:
    """Make trials as they come; Ctrl-C is for the parent."""
    os.setsid()
    _limit_memory()
    while True:
        try:
            trial: Trial = near.recv()
        except EOFError:
            return
        with open(log, "w", encoding="utf-8") as written:
            _write_to(written.fileno())
            result = attempt(trial)
            sys.stdout.flush()
            sys.stderr.flush()
        near.send(result)


def _limit_memory() -> None:
    """A trial that asks for all memory fails, instead of whatever else runs here."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_DATA, (whole // 4, whole // 4))


def _write_to(descriptor: int) -> None:
    for stream in (1, 2):
        os.dup2(descriptor, stream)

"""Answers for image files: named one by one, found in folders, or read as names from a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Semaphore, Thread
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.image_file import SUFFIXES
from gsmooth.errors import GsmoothError, InputError
from gsmooth.serving.answer import Answer
from gsmooth.serving.service import Service, ServicePlan
from gsmooth.serving.settings import SERVING

Line = dict[str, object]
"""One JSON line: ``path`` and the answer, or ``path`` and ``error``."""


@final
@dataclass
class FileTally:
    """What became of the files so far.

    Args:
        answered: Files with a class.
        abstained: Files without one, because the votes decide none.
        failed: Files that could not be read or did not fit.
        exit_code: That of the last error; 0 without one.
    """

    answered: int = 0
    abstained: int = 0
    failed: int = 0
    exit_code: int = 0

    def describe(self) -> str:
        """The sentence at the end."""
        files = self.answered + self.abstained + self.failed
        return (
            f"{files} {'file' if files == 1 else 'files'}: {self.answered} answered,"
            f" {self.abstained} abstentions, {self.failed} with errors"
        )


def files_of(names: Iterable[str]) -> Iterator[Path]:
    """The files that names stand for: a folder stands for all images below it, by name.

    A folder without images stands for itself, so that it gets a line.

    Args:
        names: Names of files and folders.
    """
    for name in names:
        path = Path(name)
        if path.is_dir():
            below = (found for found in path.rglob("*") if found.suffix.lower() in SUFFIXES)
            yield from sorted(found for found in below if found.is_file()) or [path]
        else:
            yield path


def answer_files(
    plan: ServicePlan, paths: Iterable[Path], told: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Line, GsmoothError | None]]:
    """The answers in the order of the files, each as soon as it is there.

    Files are read ahead in a thread, so that images share batches and a slow stream of names holds
    no answer back. A file that fails has a line that says why, and the next ones go on.

    Args:
        plan: The service; it is built when the shape of the images is known.
        paths: The files.
        told: Called with each notice.

    Yields:
        (line, the error or None) of each file.

    Raises:
        GsmoothError: The service cannot be built.
    """
    desk = _Desk(plan, told)
    try:
        if plan.shape is not None:
            desk.build(plan.shape)
        reader = Thread(target=desk.read, args=(paths,), name="gsmooth-files", daemon=True)
        reader.start()
        yield from desk.lines()
    finally:
        desk.close()


def tallied(tally: FileTally, found: Iterable[tuple[Line, GsmoothError | None]]) -> Iterator[Line]:
    """The lines, counted in a tally as they pass."""
    for line, error in found:
        if error is not None:
            tally.failed += 1
            tally.exit_code = error.exit_code
        elif line["abstained"]:
            tally.abstained += 1
        else:
            tally.answered += 1
        yield line


@final
@dataclass(frozen=True)
class _Read:
    """A file that was read, or could not be."""

    path: Path
    pixels: NDArray[np.uint8] | GsmoothError


_Event = _Read | Literal["answered", "no more files"] | BaseException


class _Desk:
    """Where files that were read and answers come in, and lines go out in the order of the files.

    Reading has a thread of its own, which may wait for a name for ever; all else is done by the
    caller.
    """

    def __init__(self, plan: ServicePlan, told: Callable[[str], None]) -> None:
        self._plan, self._told = plan, told
        self._service: Service | None = None
        self._events: Queue[_Event] = Queue()
        self._room = Semaphore(SERVING.files_ahead)
        self._waiting: deque[tuple[Path, Future[Answer]]] = deque()
        self._closed = Event()

    def read(self, paths: Iterable[Path]) -> None:
        """Read the files, no further ahead than there is room."""
        try:
            for path in paths:
                self._room.acquire()
                if self._closed.is_set():
                    return
                self._events.put(_Read(path, self._pixels(path)))
            self._events.put("no more files")
        except BaseException as error:  # It is raised where the lines are waited for.
            self._events.put(error)

    def lines(self) -> Iterator[tuple[Line, GsmoothError | None]]:
        """The line of every file, with its error."""
        more = True
        while more or self._waiting:
            event = self._events.get()
            if isinstance(event, BaseException):
                raise event
            if isinstance(event, _Read):
                self._waiting.append((event.path, self._asked(event)))
            more = more and event != "no more files"
            while self._waiting and self._waiting[0][1].done():
                yield self._line(*self._waiting.popleft())
                self._room.release()

    def build(self, shape: tuple[int, int, int]) -> Service:
        """The service, for images of this shape."""
        service = self._service = self._plan.build(shape)
        for notice in service.notices:
            self._told(notice)
        return service

    def close(self) -> None:
        """Read and answer no more."""
        self._closed.set()
        self._room.release()
        if self._service is not None:
            self._service.predictor.close(drain=False)

    def _pixels(self, path: Path) -> NDArray[np.uint8] | GsmoothError:
        if path.is_dir():
            return InputError(f"data {path}: no image in this folder ({' '.join(SUFFIXES)})")
        try:
            return self._plan.prepared(path)
        except GsmoothError as error:
            return error

    def _asked(self, found: _Read) -> Future[Answer]:
        failed: Future[Answer] = Future()
        failed.add_done_callback(self._answered)
        if isinstance(found.pixels, GsmoothError):
            failed.set_exception(found.pixels)
            return failed
        channels, height, width = found.pixels.shape
        service = self._service or self.build((channels, height, width))
        try:
            asked = service.submit_pixels(found.pixels, f"data {found.path}")
        except GsmoothError as error:
            failed.set_exception(error)
            return failed
        asked.add_done_callback(self._answered)
        return asked

    def _answered(self, _: Future[Answer]) -> None:
        self._events.put("answered")

    def _line(self, path: Path, asked: Future[Answer]) -> tuple[Line, GsmoothError | None]:
        named: Line = {"path": str(path)}
        try:
            answer = asked.result()
        except GsmoothError as error:
            return {**named, "error": {"kind": type(error).__name__, "message": str(error)}}, error
        assert self._service is not None
        return {**named, **self._service.document(answer)}, None

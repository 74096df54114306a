"""Answers for image files: named one by one, found in folders, or read as names from a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import final

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
) -> Iterator[tuple[Path, Line, GsmoothError | None]]:
    """The answers in the order of the files, each as soon as it is there.

    Files are read ahead in a thread, so that images share batches and a slow stream of names holds
    no answer back. A file that fails has a line that says why, and the next ones go on.

    Args:
        plan: The service; it is built when the shape of the images is known.
        paths: The files.
        told: Called with each notice.

    Yields:
        (file, its line, the error or None).

    Raises:
        GsmoothError: The service cannot be built.
    """
    reader = _Reader(plan, paths, told)
    reader.thread.start()
    try:
        while (found := reader.ahead.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            path, asked = found
            yield path, *_line(reader, path, asked)
    finally:
        reader.close()


def tallied(
    tally: FileTally, found: Iterable[tuple[Path, Line, GsmoothError | None]]
) -> Iterator[Line]:
    """The lines, counted in a tally as they pass."""
    for _, line, error in found:
        if error is not None:
            tally.failed += 1
            tally.exit_code = error.exit_code
        elif line["abstained"]:
            tally.abstained += 1
        else:
            tally.answered += 1
        yield line


_Asked = Future[Answer] | GsmoothError


class _Reader:
    """Reads files ahead and asks for them, in a thread of its own."""

    def __init__(
        self, plan: ServicePlan, paths: Iterable[Path], told: Callable[[str], None]
    ) -> None:
        self.ahead: Queue[tuple[Path, _Asked] | BaseException | None] = Queue(SERVING.files_ahead)
        self.service: Service | None = None
        self.thread = Thread(target=self._read, name="gsmooth-files", daemon=True)
        self._plan, self._paths, self._told = plan, paths, told
        self._stopped = Event()

    def close(self) -> None:
        """Read no more files; the thread may still wait for a name."""
        self._stopped.set()
        if self.service is not None:
            self.service.predictor.close(drain=False)

    def _read(self) -> None:
        try:
            if self._plan.shape is not None:
                self._build(None)
            for path in self._paths:
                if self._stopped.is_set():
                    return
                self.ahead.put((path, self._asked(path)))
            self.ahead.put(None)
        except BaseException as error:  # It is raised where the answers are waited for.
            self.ahead.put(error)

    def _asked(self, path: Path) -> _Asked:
        if path.is_dir():
            return InputError(f"data {path}: no image in this folder ({' '.join(SUFFIXES)})")
        if self.service is None:
            try:
                pixels = self._plan.prepared(path)
            except InputError as error:
                return error
            self._build((pixels.shape[0], pixels.shape[1], pixels.shape[2]))
        assert self.service is not None
        try:
            return self.service.submit_file(path)
        except GsmoothError as error:
            return error

    def _build(self, shape: tuple[int, int, int] | None) -> None:
        self.service = self._plan.build(shape)
        for notice in self.service.notices:
            self._told(notice)


def _line(reader: _Reader, path: Path, asked: _Asked) -> tuple[Line, GsmoothError | None]:
    named: Line = {"path": str(path)}
    try:
        if isinstance(asked, GsmoothError):
            raise asked
        answer: Answer = asked.result()
    except GsmoothError as error:
        return {**named, "error": {"kind": type(error).__name__, "message": str(error)}}, error
    assert reader.service is not None
    return {**named, **reader.service.document(answer)}, None

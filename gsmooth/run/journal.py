"""Journal: an append-only file of lines, of which no finished one is ever lost."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import final

from gsmooth.errors import OutputError
from gsmooth.run.files import (
    make_folder,
    open_regular,
    open_to_append,
    output_error,
    write_all,
    write_atomically,
)

__all__ = ["Journal", "complete_lines", "make_folder", "output_error", "write_atomically"]


@final
class Journal:
    """Lines on disk. Each is written and fsynced before :meth:`append` returns.

    Opening takes an exclusive lock (released by :meth:`close` or the end of the process) and cuts
    off a last line without newline, which a killed process left. Raises OutputError when the file
    cannot be written or another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = open_to_append(path)
        try:
            _lock(self._descriptor, path)
            self.lines = self._recovered()
        except BaseException:
            self.close()
            raise

    def append(self, line: str) -> None:
        """Write one line. On failure the file is as before, and closed; OutputError says why."""
        if self._descriptor is None:
            raise OutputError(f"{self.path} is closed: an earlier line could not be written")
        start = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            write_all(self._descriptor, line.encode() + b"\n")
        except BaseException as error:
            # Also for Ctrl-C: half a line would spoil the next one.
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)
            self.close()
            if isinstance(error, OSError):
                raise output_error(self.path, error) from error
            raise

    def close(self) -> None:
        """Release the file; harmless when repeated."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _recovered(self) -> list[bytes]:
        assert self._descriptor is not None
        content = _read(self._descriptor)
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._descriptor, whole)
            os.fsync(self._descriptor)
        return content[:whole].splitlines()


def complete_lines(path: Path) -> list[bytes]:
    """The finished lines of a journal that another process may be writing."""
    with open_regular(path) as stream:
        content = stream.read()
    return content[: content.rfind(b"\n") + 1].splitlines()


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another process is writing to {path}; wait for it, stop it, or choose another folder"
        ) from error


def _read(descriptor: int) -> bytes:
    """A regular file whole; nothing of a device."""
    size = os.fstat(descriptor).st_size
    parts: list[bytes] = []
    while size > 0 and (part := os.pread(descriptor, size, sum(map(len, parts)))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)

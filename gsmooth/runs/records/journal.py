"""Journal: an append-only file of lines, of which no finished one is ever lost."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import final

from gsmooth.errors import OutputError
from gsmooth.runs.records.files import (
    make_folder,
    open_to_append,
    output_error,
    write_all,
    write_atomically,
)
from gsmooth.runs.settings import RUN

__all__ = ["Journal", "make_folder", "output_error", "write_atomically"]


@final
class Journal:
    """Lines on disk. Each is written and fsynced before :meth:`append` returns.

    Opening takes an exclusive lock (released by :meth:`close` or the end of the process) and cuts
    off a last line without newline, which a killed process left. Raises OutputError when the file
    cannot be written or another process holds it. size: bytes of the lines that were there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = open_to_append(path)
        try:
            _lock(self._descriptor, path)
            self.size = self._recovered()
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

    def lines(self) -> Iterator[bytes]:
        """The lines that were there when it was opened, a block of the file at a time."""
        assert self._descriptor is not None
        place, rest = 0, b""
        most = RUN.files.block_bytes
        while place < self.size and (block := os.pread(self._descriptor, most, place)):
            place += len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from whole

    def _recovered(self) -> int:
        """The size in bytes up to the last end of a line; what lies behind it is cut off."""
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        whole = size
        while whole > 0:
            start = max(0, whole - RUN.files.block_bytes)
            found = os.pread(self._descriptor, whole - start, start).rfind(b"\n")
            whole = start + found + 1
            if found >= 0:
                break
        if whole < size:
            os.ftruncate(self._descriptor, whole)
            os.fsync(self._descriptor)
        return whole


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another process is writing to {path}; wait for it, stop it, or choose another folder"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path} cannot be locked ({error.strerror}): this file system has no locks, so two"
            " processes could write to one file; choose a folder on another one, or mount it with"
            " locks (docs/scale.md)"
        ) from error

"""Journal: an append-only file of lines, of which no finished one is ever lost."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import final

from gsmooth.errors import OutputError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your quota is used up: free some space",
    errno.EFBIG: "the limit on file size is reached: raise it (ulimit -f)",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
}


@final
class Journal:
    """Lines on disk. Each is written and fsynced before :meth:`append` returns.

    Opening takes an exclusive lock (released by :meth:`close` or the end of the process) and cuts
    off a last line without newline, which a killed process left. Raises OutputError when the file
    cannot be written or another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = _open(path)
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
            _write(self._descriptor, line.encode() + b"\n")
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
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by ``content``, or leave it as it was and raise OutputError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            _write(descriptor, content)
        finally:
            os.close(descriptor)
        os.replace(draft, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise output_error(path, error) from error


def make_folder(folder: Path) -> None:
    """Create ``folder`` and what leads to it; OutputError when that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def output_error(path: Path, error: OSError) -> OutputError:
    """What an OSError means for someone whose results are at stake."""
    advice = _ADVICE.get(error.errno or 0, "choose another folder or repair this one")
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}); {advice}, then run the same command"
        " again. Every image finished so far is kept and will not be computed again"
    )


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise output_error(path, error) from error


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another process is writing to {path}; wait for it, stop it, or choose another folder"
        ) from error


def _write(descriptor: int, content: bytes) -> None:
    """Write all of it, down to the disk."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _read(descriptor: int) -> bytes:
    """A regular file whole; nothing of a device."""
    size = os.fstat(descriptor).st_size
    parts: list[bytes] = []
    while size > 0 and (part := os.pread(descriptor, size, sum(map(len, parts)))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files: written whole or not at all, never through a link, and private where a secret lies."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from gsmooth.errors import OutputError

PUBLIC: Final = 0o644
PRIVATE: Final = 0o600
_ADVICE: Final = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your quota is used up: free some space",
    errno.EFBIG: "the limit on file size is reached: raise it (ulimit -f)",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
    errno.EEXIST: "it is there already and is not overwritten: move it, or choose another folder",
    errno.ELOOP: "it is a symbolic link, which is not followed: choose another folder",
}


def write_atomically(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replace a file by ``content``, or leave it as it was and raise OutputError.

    A link of that name is replaced, not followed. mode: of the new file, less the umask.
    """
    with drafted(path, mode) as stream:
        stream.write(content)


@contextmanager
def drafted(path: Path, mode: int = PUBLIC) -> Iterator[BinaryIO]:
    """A stream whose content replaces a file when all is written: for what is too large to hold.

    On any error the file is as it was; OutputError for those of the disk.
    """
    # An attacker cannot put a link under a random name, and O_EXCL does not follow links.
    draft = path.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(_opened_new(draft, mode), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise


def write_exclusive(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Write a file that is not there yet; OutputError where anything of that name is.

    mode: its permissions, by default for its owner alone. On any error there is no file.
    """
    try:
        descriptor = _opened_new(path, mode)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise


def make_folder(folder: Path) -> None:
    """Create ``folder`` and what leads to it; OutputError when that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def make_private_folder(folder: Path) -> None:
    """Create ``folder`` for its owner alone (0700); OutputError when that cannot be done.

    One that is there stays as it is: it may hold more than what is ours.
    """
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        make_folder(folder)
    except OSError as error:
        raise output_error(folder, error) from error


def open_to_append(path: Path) -> int:
    """The descriptor of a file to append to and read; OutputError for one that is a link."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, PUBLIC)
    except OSError as error:
        raise output_error(path, error) from error


def open_regular(path: Path) -> BinaryIO:
    """A file to read; OSError where it is anything else: a pipe would wait, a device never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, down to the disk."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def output_error(path: Path, error: OSError) -> OutputError:
    """What an OSError means for someone whose results are at stake."""
    advice = _ADVICE.get(error.errno or 0, "choose another folder or repair this one")
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}); {advice}, then run the same command"
        " again. Every image finished so far is kept and will not be computed again"
    )


def _opened_new(path: Path, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, mode)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

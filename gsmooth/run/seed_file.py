"""The file of a secret seed: made and read so that its owner alone sees it."""

from __future__ import annotations

import os
import shlex
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from gsmooth.errors import ConfigurationError, OutputError
from gsmooth.noise import SecretSeed
from gsmooth.run.journal import output_error

SECRET_NAME: Final = "seed.secret"
"""The secret seed of a run, in its folder."""
_MOST_BYTES: Final = 4096
_MAKE: Final = "make one: (umask 077; openssl rand -hex 32 > FILE)"


def read_secret(path: Path, *, follow: bool = True) -> SecretSeed:
    """The secret seed in a file that nobody else can read; ConfigurationError otherwise.

    follow: also where ``path`` is a symbolic link.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ConfigurationError(
            f"seed file {path} cannot be read ({error.strerror}); {_MAKE}"
        ) from error
    try:
        _require_private(os.fstat(descriptor), path)
        content = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    return SecretSeed.parsed(content.decode("ascii", "replace"), f"seed file {path}")


def keep_secret(folder: Path, seed: SecretSeed) -> Path:
    """Write a drawn secret into ``folder`` for its owner alone; the file's path.

    The folder is made where it is not there, for its owner alone. OutputError where the file is
    there already, or cannot be written.
    """
    path = folder / SECRET_NAME
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise OutputError(
            f"{path} has just been made by another process; run the same command again, or choose"
            " another folder"
        ) from error
    except OSError as error:
        raise output_error(path, error) from error
    _write(descriptor, path, f"{seed.text}\n".encode())
    return path


def _write(descriptor: int, path: Path, content: bytes) -> None:
    """Down to the disk, or no file at all."""
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise


def _require_private(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"seed file {path} is no regular file; {_MAKE}")
    quoted = shlex.quote(str(path))
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(
            f"seed file {path} belongs to another user, who can read the secret; copy it to a file"
            f" of your own: install -m 600 {quoted} FILE"
        )
    if found.st_mode & 0o077:
        raise ConfigurationError(
            f"seed file {path} can be read or changed by others (mode"
            f" {stat.S_IMODE(found.st_mode):04o}), so it is no secret; run: chmod 600 {quoted}"
        )

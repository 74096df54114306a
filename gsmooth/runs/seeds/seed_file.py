"""The file of a secret seed: only its owner may read it."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Final

from gsmooth.errors import ConfigurationError
from gsmooth.runs.records.files import make_private_folder, write_exclusive
from gsmooth.sampling.noise import SecretSeed

SECRET_NAME: Final = "seed.secret"
"""The secret seed of a run, in its folder."""
_MOST_BYTES: Final = 4096
_MAKE: Final = "make one: (umask 077; openssl rand -hex 32 > FILE)"


def read_secret(path: Path, *, follow: bool = True) -> SecretSeed:
    """The secret seed in a file that no other user can read; ConfigurationError otherwise.

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


def load_seed(folder: str | Path) -> SecretSeed:
    """The secret seed that a folder of records keeps, to go on with its run.

    Args:
        folder: A folder that ``Results.save`` or ``gsmooth certify`` wrote under a secret seed.

    Raises:
        ConfigurationError: There is no file ``seed.secret``, or others can read it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> seed = SecretSeed()
        >>> with tempfile.TemporaryDirectory() as place:
        ...     path = keep_secret(Path(place) / "run", seed)
        ...     load_seed(Path(place) / "run") == seed
        True
    """
    return read_secret(Path(folder) / SECRET_NAME, follow=False)


def keep_secret(folder: Path, seed: SecretSeed) -> Path:
    """Write a drawn secret into ``folder`` for its owner alone; the file's path.

    The folder is made where it is not there, for its owner alone. OutputError where the file is
    there already, or cannot be written.
    """
    path = folder / SECRET_NAME
    make_private_folder(folder)
    write_exclusive(path, f"{seed.text}\n".encode())
    return path


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

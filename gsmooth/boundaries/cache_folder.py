"""The folder of files that only save time, which may be deleted: ``~/.cache/gsmooth``."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(*parts: str) -> Path | None:
    """A folder of the user's cache, made if it is missing; None where it cannot be made.

    Args:
        parts: Names of folders below ``$XDG_CACHE_HOME/gsmooth`` (default: ``~/.cache/gsmooth``).
    """
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        folder = home.joinpath("gsmooth", *parts)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home.
        return None
    return folder

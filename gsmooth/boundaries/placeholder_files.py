"""Disguise: small text files that lie where weights, models or data were meant to be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gsmooth.errors import GsmoothError

_LFS: Final = b"version https://git-lfs.github.com/spec/"
_HTML: Final = (b"<!doctype html", b"<html", b"<head")
_BOM: Final = b"\xef\xbb\xbf"
_HEAD_BYTES: Final = 512


def disguise(path: Path) -> str | None:
    """What the file is instead, and what to do; None for a file that is not one of these.

    A git-LFS pointer stands for a file that was not fetched. An HTML page is what a download gives
    that needed a login, or whose address was that of a page about the file. A file that cannot be
    opened is left to whoever reads it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if head.startswith(_LFS):
        return "this is a git-LFS pointer, not the file itself: run git lfs pull"
    if head.removeprefix(_BOM).lstrip().lower().startswith(_HTML):
        return (
            "this is an HTML page, not the file itself: download the file again, from its own"
            " address and logged in where that is needed"
        )
    return None


def refuse_disguised(what: str, path: Path, error: type[GsmoothError]) -> None:
    """Raise ``error`` where the file at ``path`` is a git-LFS pointer or an HTML page.

    what: "weights", "model" or "data", as the message begins.
    """
    if (found := disguise(path)) is not None:
        raise error(f"{what} {path}: {found}")

"""Detection of git-LFS pointers and HTML pages in place of weights, models or data."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gsmooth.errors import GsmoothError

_LFS: Final = b"version https://git-lfs.github.com/spec/"
_HTML: Final = (b"<!doctype html", b"<html", b"<head")
_BOM: Final = b"\xef\xbb\xbf"
_HEAD_BYTES: Final = 512


def disguise(path: Path) -> str | None:
    """Describe a placeholder file and its remedy.

    A git-LFS pointer replaces a file that was not fetched. An HTML page is the result of a download
    that needed a login, or of the address of a page about the file.

    Args:
        path: The file.

    Returns:
        The description; None for any other file, or one that cannot be opened.
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
    """Raise ``error`` if the file at ``path`` is a git-LFS pointer or an HTML page.

    Args:
        what: First word of the message: "weights", "model" or "data".
        path: The file.
        error: Type of the error.
    """
    if (found := disguise(path)) is not None:
        raise error(f"{what} {path}: {found}")

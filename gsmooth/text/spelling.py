"""Suggestions for mistyped names in error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to ``word``; None if none is close."""
    names = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return names[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message, `` (did you mean 'sigma'?)``, or an empty text."""
    match = nearest(word, known)
    return f" (did you mean {match!r}?)" if match else ""

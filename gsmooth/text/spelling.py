"""The nearest spelling of a mistyped name, for errors that say what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``word``, or None when nothing is close."""
    names = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return names[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A clause for the end of an error: `` (did you mean 'sigma'?)``, or nothing."""
    match = nearest(word, known)
    return f" (did you mean {match!r}?)" if match else ""

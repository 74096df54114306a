"""Safe display of text from files on a terminal or in a figure.

Names of files, folders and classes, and texts in records, may contain control sequences of
terminals, marks that reverse the direction of writing, and halves of characters. These are replaced
by their escapes in Python's notation.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of invisible characters: controls, formats, surrogates, separators."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that are shown: several languages, and emoji, need them."""
_LAYOUT: Final = frozenset("\n\t")


def plain(text: str) -> str:
    r"""Return the text as one line, with escapes for all invisible characters.

    A second application changes nothing.

    Args:
        text: The text.

    Example:
        >>> print(plain("\x1b[31mred\n"))
        \x1b[31mred\n
    """
    return _escaped(text, _JOINERS)


def plain_lines(text: str) -> str:
    """Apply :func:`plain` to a text, but keep its line ends and tabs."""
    return _escaped(text, _JOINERS | _LAYOUT)


def shortened(text: str, most: int = 60) -> str:
    """Return a plain line of at most ``most`` characters; a longer one is cut and ends in "…"."""
    # The text is cut before characters are escaped, which saves time for long texts.
    shown = plain(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _escaped(text: str, kept: frozenset[str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _HIDDEN and char not in kept
        else char
        for char in text
    )

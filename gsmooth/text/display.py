"""Display: texts of others, as they may stand on a terminal or in a figure.

Names of files, folders and classes, and what records say, may hold anything: sequences that a
terminal obeys, marks that turn the direction of writing, halves of characters. Shown are their
escapes, as Python writes them.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that are obeyed, not seen: controls, formats, surrogates, separators."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that several languages, and emoji, are written with."""
_LAYOUT: Final = frozenset("\n\t")


def plain(text: str) -> str:
    r"""One line in which every character is seen, and none is obeyed.

    Applied twice it changes nothing more.

    Example:
        >>> print(plain("\x1b[31mred\n"))
        \x1b[31mred\n
    """
    return _escaped(text, _JOINERS)


def plain_lines(text: str) -> str:
    """As :func:`plain`, of a text that may have several lines, and tabs."""
    return _escaped(text, _JOINERS | _LAYOUT)


def shortened(text: str, most: int = 60) -> str:
    """A plain line of at most ``most`` characters; of a longer one the beginning, and "…"."""
    # What is far beyond the end need not be escaped first.
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

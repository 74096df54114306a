"""Docstrings as Sphinx has to read them."""

from __future__ import annotations

import re

# Literals and emphasis are markup. Bars, other stars and underscores that end a word are not.
_MARKS = re.compile(r"(?P<keep>``.*?``|\*\*\w.*?\*\*|\*\w[^*]*\*)|(?P<mark>[|*]|(?<=\w)_(?!\w))")


def plain_marks(line: str) -> str:
    """A line in which ``|x|``, ``*shape`` and ``T_`` are what they look like, and no markup."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    return _MARKS.sub(lambda found: found["keep"] or "\\" + found["mark"], line)


def whole_sentence(lines: list[str]) -> list[str]:
    """Undo what napoleon makes of a property: no type is meant by words before a colon."""
    types = [number for number, line in enumerate(lines) if line.startswith(":type: ")]
    if not types:
        return lines
    words = lines[types[-1]].removeprefix(":type: ")
    rest = [line for number, line in enumerate(lines) if number != types[-1]]
    return [f"{words}: {rest[0]}", *rest[1:]] if rest else [words]

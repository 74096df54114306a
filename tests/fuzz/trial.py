"""One trial of a part, and what came of it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

Body = Callable[[int], str]

GIVEN_UP: Final = "given up"
"""The word for a trial that is under way when the time is over."""
LINES: Final = 40
"""Lines of a traceback, or of a test's report, that are printed."""


@final
@dataclass(frozen=True)
class Part:
    """A way to search.

    body: tries one thing, drawn from a seed, and returns a word for what came of it. weight: share
    of the time, relative to the other parts. seconds: a trial that takes longer is a finding.
    needs: a package without which it is not searched, unless it is named.
    """

    name: str
    body: Body
    weight: float
    seconds: float
    needs: str = ""


@final
@dataclass(frozen=True)
class Trial:
    """What repeats a try exactly."""

    part: str
    seed: int

    @property
    def command(self) -> str:
        """The command line that repeats it."""
        return f"./scripts/fuzz --trial {self.part}:{self.seed}"


@final
@dataclass(frozen=True)
class Result:
    """What came of a trial: a word, and where it is a finding what was found, and the details."""

    trial: Trial
    word: str
    seconds: float
    found: str = ""
    detail: str = ""

    @property
    def kind(self) -> str:
        """The same for findings that are likely to have the same cause."""
        return f"{self.trial.part}: {re.sub(r'[-+]?[0-9][0-9.e+-]*', '#', self.found)[:160]}"


class Found(Exception):
    """Something wrong that raises nothing by itself: a false certificate, say."""


def told(fault: BaseException) -> tuple[str, str]:
    """A finding in one line, and the end of its traceback."""
    kind = "" if isinstance(fault, Found) else f"{type(fault).__name__}: "
    first = (str(fault).splitlines() or ["(no message)"])[0]
    return f"{kind}{first}", last_lines("".join(traceback.format_exception(fault)))


def last_lines(text: str, lines: int = LINES) -> str:
    """The end of a longer text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])

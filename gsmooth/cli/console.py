"""A rich console that prints texts literally, without markup and control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn, final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from gsmooth.text.display import plain_lines


@final
class PlainConsole(Console):
    """Every string and :class:`rich.text.Text` passes here, also those in cells of tables.

    Colours come from styles, never from the text itself.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> NoReturn:
        """Where rich would call sys.exit(1), as if the run had: what reads stdout has gone."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # For the flush at the end.
        raise BrokenPipeError

    def render_str(self, text: str, **settings: Any) -> Text:
        """Strings; escaped before they are measured, so that tables keep their columns."""
        return super().render_str(plain_lines(text), **{**settings, "markup": False})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Everything; what is control here, rich itself has made (the bar of a run)."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else plain_lines(segment.text)
            yield Segment(text, segment.style, segment.control)

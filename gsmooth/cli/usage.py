"""Usage: a command line that cannot be parsed ends like other errors: one line, JSON on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, final

from typer.core import TyperGroup

from gsmooth.cli.output import failed

_UNUSABLE: Final = 2
_RENAMED: Final = {"--scales": "--std, e.g. --std angle=4"}
"""Flags of 0.1.0, and those of today."""


@final
class Commands(TyperGroup):
    """The commands of gsmooth. A flag that cannot be parsed exits with 2, like one of a bad value.

    typer would draw a box of several lines, and put nothing on stdout where --json asks for JSON.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's: parse, call and exit."""
        given = list(sys.argv[1:] if args is None else args)

        def call(*, exits: bool) -> Any:
            return super(Commands, self).main(
                given, prog_name, complete_var, exits, windows_expand_args, **extra
            )

        if not given or not standalone_mode:  # Without a word typer shows the help.
            return call(exits=standalone_mode)
        try:
            code = call(exits=False)
        except Exception as error:
            message: Callable[[], str] | None = getattr(error, "format_message", None)
            if message is None:
                raise
            sys.exit(failed("UsageError", _told(error, message()), _UNUSABLE, "--json" in given))
        sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception, message: str) -> str:
    """The message with the command that it is about, and where its flags are explained."""
    command = getattr(getattr(error, "ctx", None), "command_path", "gsmooth")
    text = " ".join(message.split()).rstrip(".")
    text += "".join(f" ({old} is now {new})" for old, new in _RENAMED.items() if old in text)
    return f"{text[:1].lower()}{text[1:]}; {command} --help shows what there is"

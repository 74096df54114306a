"""Output: results on stdout, everything else on stderr, errors as one readable line.

All that commands print goes through here, and is plain (``gsmooth.text.display``): what a folder, a
file or a record says is printed literally.
"""

from __future__ import annotations

import errno
import json
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from gsmooth.errors import GsmoothError, OutputError
from gsmooth.text.display import plain_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gsmooth.runs.monitor.progress import Progress

INTERRUPTED = 130
INTERNAL = 1
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS}
_LEFT_EARLY = "not finished: code that is not gsmooth's called {}; --debug shows where"
_CLOSED = "what was to read the output was closed before all of it was printed"
# Wide enough that no table wraps in a log file.
_LOG_COLUMNS = 160


def console(*, stderr: bool = False) -> Console:
    """A rich console on stdout or stderr; colours only on a terminal, markup nowhere."""
    from gsmooth.cli.console import PlainConsole

    made = PlainConsole(stderr=stderr)
    if not made.is_terminal:
        made.width = _LOG_COLUMNS
    return made


def as_lines(table: Table) -> list[str]:
    """A table as plain text, for a file or a comment."""
    made = console()
    made.width = _LOG_COLUMNS
    with made.capture() as captured:
        made.print(table, no_wrap=True)
    return [line.rstrip() for line in captured.get().splitlines()]


def say(text: str, *, stderr: bool = False) -> None:
    """Text of one line or several, literally; control characters of a terminal are escaped."""
    typer.echo(plain_lines(text), err=stderr)


def progress() -> Progress:
    """A bar where stderr is a terminal, plain lines elsewhere."""
    from gsmooth.runs.monitor.progress import BarProgress, LineProgress

    return BarProgress(console(stderr=True)) if sys.stderr.isatty() else LineProgress()


def emit(document: Mapping[str, object]) -> None:
    """The one JSON document that ``--json`` puts on stdout."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def emit_line(document: Mapping[str, object]) -> None:
    """A JSON document on a line of its own on stdout, which its reader has at once."""
    typer.echo(json.dumps(document, allow_nan=False))
    sys.stdout.flush()


@contextmanager
def guarded(as_json: bool, debug: bool) -> Iterator[None]:
    """Turn errors into one line on stderr (and JSON on stdout) with their documented exit code.

    SystemExit from anywhere within becomes exit code 1: only :class:`typer.Exit`, which is ours,
    chooses its own.
    """
    formatted = warnings.formatwarning
    warnings.formatwarning = lambda *told: plain_lines(formatted(*told))
    try:
        yield
    except typer.Exit as error:
        if error.exit_code == 0:  # Ours always have another code; 0 would be a plugin's.
            _fail("Exit", _LEFT_EARLY.format("typer.Exit(0)"), INTERNAL, as_json)
        raise
    except KeyboardInterrupt as error:
        _fail("Interrupted", str(error) or "interrupted", INTERRUPTED, as_json)
    except BaseException as error:  # SystemExit as well: what did not finish never ends with 0.
        if debug:
            say(traceback.format_exc(), stderr=True)
        _fail(*_verdict(error), as_json)
    finally:
        warnings.formatwarning = formatted


def _verdict(error: BaseException) -> tuple[str, str, int]:
    """Kind, message and exit code."""
    if isinstance(error, SystemExit):
        called = f"sys.exit({'' if error.code is None else repr(error.code)})"
        return "SystemExit", _LEFT_EARLY.format(called), INTERNAL
    if isinstance(error, GsmoothError):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, BrokenPipeError):
        return OutputError.__name__, _CLOSED, OutputError.exit_code
    if isinstance(error, OSError) and error.errno in _DISK:
        return OutputError.__name__, str(error), OutputError.exit_code
    message = f"internal error: {type(error).__name__}: {error}; --debug shows where"
    return "InternalError", message, INTERNAL


def failed(kind: str, message: str, code: int, as_json: bool) -> int:
    """Print an error on stderr, with ``as_json`` also as JSON on stdout; returns ``code``."""
    if as_json:
        emit({"error": {"kind": kind, "message": message, "exit_code": code}})
    # Indented, so that no name with a line break in it can pose as a message of its own.
    say(f"gsmooth: {message}".replace("\n", "\n  "), stderr=True)
    return code


def _fail(kind: str, message: str, code: int, as_json: bool) -> None:
    raise typer.Exit(failed(kind, message, code, as_json))

"""Code that is not ours: importing it, calling it, and what becomes of whatever it raises."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from gsmooth.errors import GsmoothError
from gsmooth.text.spelling import did_you_mean


@contextmanager
def users_code(
    what: str,
    error: type[GsmoothError],
    *,
    hint: str = "",
    passing: tuple[type[BaseException], ...] = (),
) -> Iterator[None]:
    """Run code that is not ours: whatever it raises becomes ``error``.

    That includes ``sys.exit`` and every other BaseException; a run must not end with exit code 0
    because a module called sys.exit(0). KeyboardInterrupt is Ctrl-C and stays what it is.

    Args:
        what: Leads the message: whose code did what, e.g. ``model 'nets:build' raised``.
        error: What is raised instead, with the type and the first line of the original.
        hint: Ends the message.
        passing: Errors that pass through as they are, beside those of type ``error``.
    """
    ours: tuple[type[BaseException], ...] = (KeyboardInterrupt, error, *passing)
    try:
        yield
    except ours:
        raise
    except BaseException as cause:
        raise error(f"{what} {one_line(cause)}{hint}") from cause


def one_line(error: BaseException) -> str:
    """Type and first line of an exception: ``ValueError: no such layer``."""
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def first_line(error: BaseException) -> str:
    """The first line of what an exception says; empty where it says nothing."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # An exception's own __str__ is the user's code as well.
        return ""
    return lines[0] if lines else ""


def import_named(spec: str, what: str, error: type[GsmoothError]) -> object:
    """The object that ``module:name`` names.

    Modules in the working directory are found too, behind everything that is installed.

    Args:
        spec: ``module:name``.
        what: Leads every message, e.g. ``model 'nets:build'``.
        error: Raised for a spec without a colon, an import that fails and an unknown name.
    """
    module_name, colon, name = spec.partition(":")
    if not (module_name and colon and name):
        raise error(f"{what} is not of the form module:name, e.g. my_module:build")
    module = _imported(module_name, what, error)
    with users_code(f"{what}: {module_name!r} fails when asked for {name!r}:", error):
        if hasattr(module, name):
            return getattr(module, name)
    known = [key for key in vars(module) if not key.startswith("_")]
    raise error(
        f"{what}: {module_name!r}{_place(module)} has no {name!r}{did_you_mean(name, known)}"
    )


def _imported(name: str, what: str, error: type[GsmoothError]) -> ModuleType:
    _find_modules_here()
    hint = "; it must be installed or lie in the working directory"
    with users_code(f"{what}: cannot import {name!r}:", error, hint=hint):
        return importlib.import_module(name)


def _find_modules_here() -> None:
    """Let imports find modules in the working directory, after everything that is installed.

    At the end of the path, so that a file there cannot stand in for an installed package.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def _place(module: ModuleType) -> str:
    # A module of one's own may be hidden by an installed one of the same name.
    file = getattr(module, "__file__", None)
    return f" ({file})" if isinstance(file, str) else ""

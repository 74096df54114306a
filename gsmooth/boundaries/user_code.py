"""Import and call of users' code, whose exceptions become errors of gsmooth."""

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
    """Run users' code and replace its exceptions by ``error``.

    ``sys.exit`` and every other BaseException are replaced, too: a run must not end with exit code
    0 because a module calls sys.exit(0). KeyboardInterrupt (Ctrl-C) is not replaced.

    Args:
        what: Beginning of the message: whose code did what, e.g. ``model 'nets:build' raised``.
        error: Type of the new error; its message includes type and first line of the original.
        hint: End of the message; none by default.
        passing: Types of errors that are not replaced, in addition to ``error``.
    """
    ours: tuple[type[BaseException], ...] = (KeyboardInterrupt, error, *passing)
    try:
        yield
    except ours:
        raise
    except BaseException as cause:
        raise error(f"{what} {one_line(cause)}{hint}") from cause


def one_line(error: BaseException) -> str:
    """Return type and first line of an exception: ``ValueError: no such layer``."""
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message; empty without a message."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # An exception's own __str__ is the user's code as well.
        return ""
    return lines[0] if lines else ""


def import_named(spec: str, what: str, error: type[GsmoothError]) -> object:
    """Import the object ``module:name``.

    Modules in the working directory are found, too; installed modules come first.

    Args:
        spec: ``module:name``.
        what: Beginning of every message, e.g. ``model 'nets:build'``.
        error: Type of the error that is raised if the spec has no colon, the import fails or the
            name is unknown.
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
    """Add the working directory to the end of the import path.

    At the end, a file of the working directory cannot hide an installed package.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def _place(module: ModuleType) -> str:
    # An installed module can hide the user's module of the same name.
    file = getattr(module, "__file__", None)
    return f" ({file})" if isinstance(file, str) else ""

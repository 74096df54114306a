"""Specs of the form ``module:name``: the user's own models and data."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

from gsmooth.errors import GsmoothError
from gsmooth.spelling import did_you_mean


def import_object(spec: str, error: type[GsmoothError]) -> object:
    """What ``module:name`` names; modules in the working directory are found too.

    Raises ``error`` with the reason: no colon, an import that fails, a name that is not there.
    """
    module_name, colon, name = spec.partition(":")
    if not (module_name and colon and name):
        raise error(f"{spec!r} is not of the form module:name, e.g. my_module:build")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as cause:  # The user's module may raise anything while it is imported.
        raise error(
            f"{spec!r}: cannot import {module_name!r}: {type(cause).__name__}: {cause};"
            " it must be installed or lie in the working directory"
        ) from cause
    if not hasattr(module, name):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise error(f"{spec!r}: {module_name!r} has no {name!r}{did_you_mean(name, known)}")
    return getattr(module, name)


def call_factory(
    spec: str,
    error: type[GsmoothError],
    options: Mapping[str, object] = {},
    **offered: object,
) -> object:
    """Call the factory ``module:name`` with ``options``, and what is ``offered`` where it names it.

    Raises ``error`` when it is not callable or raises.
    """
    factory = import_object(spec, error)
    if not callable(factory):
        raise error(f"{spec!r} is {type(factory).__name__}, not a function that can be called")
    try:
        names = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # Some builtins have no signature.
        names = {}  # type: ignore[assignment]
    try:
        return factory(**options, **{key: offered[key] for key in offered if key in names})
    except GsmoothError:
        raise
    except Exception as cause:  # The user's code may raise anything.
        raise error(f"{spec!r} raised {type(cause).__name__}: {cause}") from cause

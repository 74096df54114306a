"""Specs of the form ``module:name``: the user's own models and data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from gsmooth.boundaries.user_code import import_named, users_code
from gsmooth.errors import GsmoothError


def import_object(spec: str, error: type[GsmoothError]) -> object:
    """What ``module:name`` names; modules in the working directory are found too.

    Raises ``error`` with the reason: no colon, an import that fails, a name that is not there.
    """
    return import_named(spec, repr(spec), error)


def call_factory(
    spec: str,
    error: type[GsmoothError],
    options: Mapping[str, object] = {},
    **offered: object,
) -> object:
    """Call the factory ``module:name`` with ``options``, and what is ``offered`` where it names it.

    Raises ``error`` when it is not callable or raises anything.
    """
    factory = import_object(spec, error)
    if not callable(factory):
        raise error(f"{spec!r} is {type(factory).__name__}, not a function that can be called")
    try:
        names = inspect.signature(factory).parameters
    except Exception:  # Some builtins have no signature.
        names = {}  # type: ignore[assignment]
    with users_code(f"{spec!r} raised", error):
        return factory(**options, **{key: offered[key] for key in offered if key in names})

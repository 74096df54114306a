"""Import and call of users' factories of models and data, by specs ``module:name``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from gsmooth.boundaries.user_code import import_named, users_code
from gsmooth.errors import GsmoothError


def import_object(spec: str, error: type[GsmoothError]) -> object:
    """Import the object ``module:name``, also from the working directory.

    Args:
        spec: ``module:name``.
        error: Type of the error that is raised if the spec has no colon, the import fails or the
            module has no such name.
    """
    return import_named(spec, repr(spec), error)


def call_factory(
    spec: str,
    error: type[GsmoothError],
    options: Mapping[str, object] = {},
    **offered: object,
) -> object:
    """Call the factory ``module:name``.

    Args:
        spec: ``module:name``.
        error: Type of the error that is raised if the object is not callable, or raises.
        options: Keyword arguments of the call.
        **offered: Further keyword arguments, passed only if the factory has parameters of these
            names.
    """
    factory = import_object(spec, error)
    if not callable(factory):
        raise error(f"{spec!r} is {type(factory).__name__}, not a function that can be called")
    try:
        names = inspect.signature(factory).parameters
    except Exception:  # Some built-in functions have no signature.
        names = {}  # type: ignore[assignment]
    with users_code(f"{spec!r} raised", error):
        return factory(**options, **{key: offered[key] for key in offered if key in names})

"""Names of a package that are imported on first use, so that torch is loaded only if needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    package: str, homes: Mapping[str, str], gone: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package whose names are imported late.

    Args:
        package: The name of the package.
        homes: The module of each name, relative to the package. A name that is its own home is the
            module itself.
        gone: Names of former versions, and what to use for them.

    Returns:
        Both functions; unknown names are an AttributeError with what may have been meant.
    """

    def found(name: str) -> object:
        if gone is not None and name in gone:
            raise AttributeError(f"{package}.{name} is no longer public; use {gone[name]}")
        if name not in homes:
            from gsmooth.text.spelling import did_you_mean

            hint = did_you_mean(name, homes)
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
        module = import_module(f"{package}.{homes[name]}")
        return module if homes[name] == name else getattr(module, name)

    return found, lambda: sorted(homes)

"""Translation by fractions of a pixel as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_translation.translation import Translation


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Translation]


__all__ = ["Translation", "gsmooth_transformations"]

"""Translation by pixels and by fractions of them as gsmooth plugins."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_translation.integer import IntegerTranslation
from gsmooth_translation.translation import Translation


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Translation, IntegerTranslation]


__all__ = ["IntegerTranslation", "Translation", "gsmooth_transformations"]

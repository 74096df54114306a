"""Translation by pixels and by fractions of them as gsmooth plugins."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_translation.translation import Translation
from gsmooth_translation.whole import IntegerTranslation


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Translation, IntegerTranslation]


__all__ = ["IntegerTranslation", "Translation", "gsmooth_transformations"]

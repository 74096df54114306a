"""Exact translation and Gaussian blur on a torus as gsmooth plugins that compose."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_cyclic.blur import CyclicBlur
from gsmooth_cyclic.translation import CyclicTranslation


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [CyclicTranslation, CyclicBlur]


__all__ = ["CyclicBlur", "CyclicTranslation", "gsmooth_transformations"]

"""Gaussian blur as a gsmooth plugin: a semigroup in the variance."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_blur.blur import Blur


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Blur]


__all__ = ["Blur", "gsmooth_transformations"]

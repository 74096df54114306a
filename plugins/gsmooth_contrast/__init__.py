"""Contrast about a fixed grey as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_contrast.contrast import Contrast


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Contrast]


__all__ = ["Contrast", "gsmooth_transformations"]

"""Shifts of brightness as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_brightness.brightness import Brightness


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Brightness]


__all__ = ["Brightness", "gsmooth_transformations"]

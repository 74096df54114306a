"""Shear as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_shear.shear import Shear

GSMOOTH_API = 1


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Shear]


__all__ = ["GSMOOTH_API", "Shear", "gsmooth_transformations"]

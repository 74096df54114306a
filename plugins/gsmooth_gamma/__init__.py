"""Gamma correction as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_gamma.gamma import Gamma


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Gamma]


__all__ = ["Gamma", "gsmooth_transformations"]

"""Additive Gaussian noise (Cohen et al. 2019) as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_gaussian.gaussian import Gaussian


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Gaussian]


__all__ = ["Gaussian", "gsmooth_transformations"]

"""Scaling and similarity (rotation and scaling) about the image centre as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_similarity.scaling import Scaling
from gsmooth_similarity.similarity import Similarity


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Scaling, Similarity]


__all__ = ["Scaling", "Similarity", "gsmooth_transformations"]

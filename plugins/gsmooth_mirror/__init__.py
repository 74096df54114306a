"""Mirror images and quarter turns of square images as gsmooth plugins: pixels move exactly."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_mirror.symmetries import Dihedral, Mirror, QuarterTurn


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Dihedral, Mirror, QuarterTurn]


__all__ = ["Dihedral", "Mirror", "QuarterTurn", "gsmooth_transformations"]

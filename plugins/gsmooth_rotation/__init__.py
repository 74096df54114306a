"""Rotation about the image centre as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_rotation.mirrored import RotationMirror
from gsmooth_rotation.rotation import Rotation


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Rotation, RotationMirror]


__all__ = ["Rotation", "RotationMirror", "gsmooth_transformations"]

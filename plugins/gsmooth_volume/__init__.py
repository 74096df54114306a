"""The volume of waveforms, in decibels, as a gsmooth plugin."""

from __future__ import annotations

from gsmooth import Transformation, hookimpl
from gsmooth_volume.volume import Volume


@hookimpl
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformations of this package."""
    return [Volume]


__all__ = ["Volume", "gsmooth_transformations"]

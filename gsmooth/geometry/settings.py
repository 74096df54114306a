"""Settings of geometry and of what stands on it. Every result is sound whatever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ChunkSettings:
    """Numbers that a transformation works on at once, one item at least: memory against calls."""

    images: int = 2**21
    """Numbers in the images that are attacked."""
    acted: int = 2**18
    """Numbers of z that a CPU acts on: they stay in its caches."""
    bounds: int = 2**16
    """Cells times pixels, or coefficients, of derivative bounds."""
    preimages: int = 2**18
    """Numbers in an array while cells of originals are worked on."""


@final
@dataclass(frozen=True)
class GeometrySettings:
    """When boxes of originals are no longer shrunk. More passes give smaller boxes."""

    passes: int = 12
    """Most passes over all equations: what one pixel shows travels about a pixel a pass."""
    least_gain: float = 1e-3
    """Passes end when no interval shrinks by more than this, in units of the pixel range."""
    least_weight: float = 1e-5
    """A pixel with less weight in an equation is not bounded by it."""


GEOMETRY: Final = GeometrySettings()

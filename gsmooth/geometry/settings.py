"""Settings of geometry and of plugins that use it. All results are sound for all settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ChunkSettings:
    """Largest size of the arrays of a transformation; each contains at least one item."""

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
    """Limits of the search for boxes of originals. More passes give smaller boxes."""

    passes: int = 12
    """Largest number of passes; information travels by about one pixel in each pass."""
    least_gain: float = 1e-3
    """Passes end if no interval shrinks by more than this, in units of the pixel range."""
    least_weight: float = 1e-5
    """An equation does not bound a pixel that has less weight in it."""


GEOMETRY: Final = GeometrySettings()

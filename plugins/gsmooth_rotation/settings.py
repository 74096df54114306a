"""Settings of the rotation: memory, and how hard its bounds are searched for.

All bounds are sound whatever these are. What lift and readout consist of (kernels, rings, Fourier
transforms) is part of the classifier that is certified and no setting; nor are float slacks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from gsmooth.geometry.settings import ChunkSettings


@final
@dataclass(frozen=True)
class SearchSettings:
    """Trade-offs of the tightness of bounds against time."""

    wide_box: float = 0.25
    """Radius of a box, in z, above which its equations are solved together as well."""
    guesses: tuple[float, ...] = (1.0, 1.5)
    """Values of lam (``fusion``) that are tried first: the norm of the lift is near 1."""
    shown: float = 0.05
    """Least diagonal entry of B'B for a pixel that counts as contained in the attacked image."""
    largest_fusion: int = 40 * 40
    """Pixels of the largest images for which lam is computed: dense algebra of this size."""


@final
@dataclass(frozen=True)
class VariantSettings:
    """Lifts that ``gsmooth tune`` compares."""

    usual_low_pass: float = 1.2
    """Low-pass of runs that name no noise, px."""
    usual_edge: float = 4.0
    """Soft edge of runs that name no noise, px."""
    low_pass_px: tuple[float, ...] = (0.9, 1.2, 1.6, 2.0)
    """Standard deviations of the low-pass."""
    discs: tuple[tuple[float, float], ...] = (
        (0.94, 0.0),
        (0.81, 0.0),
        (1.0, 0.5),
        (0.94, 0.25),
        (0.88, 0.5),
        (0.81, 0.5),
        (0.69, 0.5),
    )
    """Radius and width of the soft edge, as parts of the radius of the inscribed circle."""


@final
@dataclass(frozen=True)
class RotationSettings:
    """All settings of the rotation."""

    memory: ChunkSettings = field(default_factory=ChunkSettings)
    search: SearchSettings = SearchSettings()
    variants: VariantSettings = VariantSettings()
    lifted_images: int = 24
    """Channels of images that a CPU lifts at once."""
    synthesis_images: int = 48
    """Channels of images that a CPU makes from z at once: about 40 MB at 224 x 224."""


ROTATION: Final = RotationSettings()

"""Settings of the similarity: what is in memory at once. No bound depends on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class SimilaritySettings:
    """Numbers that are worked on at once, and one item at least: memory against calls."""

    lifted: int = 2**21
    """Numbers in the images of cells that are lifted."""
    bounds: int = 2**16
    """Cells times pixels of derivative bounds."""


SIMILARITY: Final = SimilaritySettings()

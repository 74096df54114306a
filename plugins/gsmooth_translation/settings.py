"""Settings of the translation: what is in memory at once. No bound depends on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class TranslationSettings:
    """Numbers that are worked on at once, and one item at least: memory against calls."""

    shifted: int = 2**22
    """Numbers in the images that are shifted."""
    acted: int = 2**17
    """Numbers of z that a CPU acts on: they stay in its caches."""
    preimages: int = 2**16
    """Numbers in an image of all cells of originals while these are worked on."""


TRANSLATION: Final = TranslationSettings()

"""Limits on data; an input beyond them is refused as a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class DataSettings:
    """Limits on data."""

    most_classes: int = 1_000_000
    """Largest number of classes. A larger label is a mistake; its names would fill the memory."""


DATA: Final = DataSettings()

"""Settings of data: limits beyond which an input is taken for a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class DataSettings:
    """Limits on data."""

    most_classes: int = 1_000_000
    """More than any classifier has. A larger label is a mistake; names for it would fill memory."""


DATA: Final = DataSettings()

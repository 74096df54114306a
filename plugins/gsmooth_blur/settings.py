"""Settings of the blur: what is in memory at once. No bound depends on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class BlurSettings:
    """Memory against calls."""

    bounds: int = 2**22
    """Variances times coefficients of z that are worked on at once (at least one variance)."""


BLUR: Final = BlurSettings()

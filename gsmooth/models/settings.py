"""Settings of networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ModelSettings:
    """How much two forms of one network may differ."""

    export_drift: float = 1e-4
    """Difference of scores, in units of the largest one (or of 1), that float32 in another order
    of operations explains; from more on an exported file is not the network."""


MODELS: Final = ModelSettings()

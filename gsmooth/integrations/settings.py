"""Settings of the adapters: how much they certify where nothing is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class IntegrationSettings:
    """Defaults and sizes. More votes and images tell more and take longer."""

    callback_images: int = 64
    """Validation images that a callback certifies."""
    callback_every: int = 5
    """Epochs from one time to the next."""
    callback_votes: int = 1000
    """Votes an image of a callback, at most: it is an estimate on the way, not the result."""
    confidence: float = 0.95
    """Of the interval around a share of images."""
    predict_votes: int = 1000
    """Votes of an answer that another framework asks for."""
    batch: int = 100
    """Settings of a run in one request to a tracking server, which allows no more."""
    text: int = 6000
    """Characters of such a setting."""
    drift: float = 1e-3
    """Relative difference of scores from which two forms of a network are not the same."""


INTEGRATIONS: Final = IntegrationSettings()

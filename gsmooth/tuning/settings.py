"""Settings of tuning: which lifts and noises are compared, and on how much.

Nothing here changes a certificate: a recommendation is a starting point for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class NoiseSettings:
    """How noise follows from a region and the residuals in it."""

    ratio: float = 0.75
    """Residual of the image at ``quantile`` over sigma. A larger one means less noise, and votes
    that have to agree more."""
    quantile: float = 0.8
    """The image whose residual sets sigma: that part of all images has no larger one."""
    spread: float = 0.4
    """Std of the noise on a parameter over the half-width of its interval; for m parameters that
    are attacked together times sqrt(m)."""
    least_sigma: float = 0.03
    """Sigma where residuals are (nearly) 0, in units of a range [0, 1]: float rounding stays far
    below it, and votes are as good as on clean images."""
    laws: tuple[str, ...] = ("gaussian", "uniform")
    """Laws that are compared where they fit the parameters, beside Haar noise on those that have a
    period; the first of equals wins."""
    one_sided: tuple[str, ...] = ("exponential", "folded-normal", "uniform")
    """The same for a transformation with a parameter that is at least 0."""
    haar_from: float = 0.5
    """Part of the period that a region has to be for Haar noise to be recommended."""
    typical_p: float = 0.97
    """Share of votes that a rightly classified image is taken to get."""


@final
@dataclass(frozen=True)
class SearchSettings:
    """How much is computed. More images give steadier figures."""

    images: int = 200
    """Images of the covariance, at most."""
    residual_images: int = 64
    """Images whose residuals are sampled, at most."""
    intervals: tuple[int, ...] = (12, 6, 3)
    """Intervals between the sampled values of a parameter, for one, two, and more parameters."""
    cuts: tuple[int, ...] = (1, 2, 3, 4, 6, 12)
    """Equal parts of every interval that a cover may have, as far as they divide ``intervals``."""
    ball_steps: int = 200
    """Steps towards the centre of the smallest ball around a path."""
    shown: int = 8
    """Candidates in the table, at most."""


@final
@dataclass(frozen=True)
class ModelSettings:
    """What is measured of a model."""

    images: int = 200
    """Images on which its accuracy under the noise is measured, at most."""
    draws: int = 4
    """Noisy copies of every image."""
    candidates: int = 6
    """Candidates that are measured, the best by information first."""
    turns: int = 12
    """Values of a periodic parameter, evenly spread over its period."""
    confused: float = 0.25
    """Share of the turned images of a class that another class gets, from which it is reported."""


@final
@dataclass(frozen=True)
class TuningSettings:
    """All settings of tuning."""

    noise: NoiseSettings = NoiseSettings()
    search: SearchSettings = SearchSettings()
    model: ModelSettings = ModelSettings()


TUNING: Final = TuningSettings()

"""Settings of training: augmentation, validation, and how often its state is saved.

No certificate rests on any of them. Another value can give other weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class EstimateSettings:
    """The estimate of certified accuracy on the validation part."""

    most_images: int = 64
    """Validation images that are used, classes in turn. More give a better estimate."""
    least_images: int = 50
    """Validation images below which there is no estimate, and the last weights are kept."""
    votes: int = 64
    """Votes at each centre. A centre passes if their share exceeds what it requires."""
    centres: tuple[int, ...] = (1, 2, 4, 8)
    """Numbers of centres that are tried in turn; certify itself chooses the cheapest number."""
    attacks: int = 33
    """Attacks on an image, about, from which its covers are made; more for two parameters and up
    where a grid of three a parameter has more."""
    evaluations: int = 8
    """Estimates during a training, evenly spread; the last epoch always gets one."""


@final
@dataclass(frozen=True)
class AugmentSettings:
    """Ranges of augmentation at strength 1."""

    shift: float = 0.06
    """Shifts, as a fraction of the side."""
    scale: float = 0.12
    """Scales: 1 plus or minus this."""
    shear_deg: tuple[float, float] = (9.0, 5.0)
    """Shears along x and y, degrees."""
    brightness: float = 0.25
    """Brightness, as a fraction of the input range (of three channels) or a factor."""
    contrast: float = 0.25
    """Contrast: a factor of 1 plus or minus this."""
    saturation: float = 0.25
    """Saturation: a factor of 1 plus or minus this."""
    hue: float = 0.02
    """Hue, as a fraction of the circle."""


@final
@dataclass(frozen=True)
class ResumeSettings:
    """The state of a training on disk, from which it is resumed."""

    seconds: float = 60.0
    """Seconds between two writes, at least. An interrupted training always writes its state."""


@final
@dataclass(frozen=True)
class TrainingSettings:
    """All settings of training, by what they are for."""

    augment: AugmentSettings = AugmentSettings()
    estimate: EstimateSettings = EstimateSettings()
    resume: ResumeSettings = ResumeSettings()


TRAINING: Final = TrainingSettings()

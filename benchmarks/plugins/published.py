"""What others reached where the case is the same: figures as published, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

SOURCE: Final = "Li et al. 2021 (TSS), 500 images of MNIST's test set"


@final
@dataclass(frozen=True)
class Published:
    """Certified and attacked accuracy in percent, and in what their case differs from ours."""

    case: str
    certified: float
    attacked: float | None = None
    clean: float | None = None


PUBLISHED: Final[Mapping[str, Published]] = {
    "rotation-30": Published("±30°", 95.6),
    "rotation-50": Published("±50°", 97.4, 98.2, 99.4),
    "scaling-30": Published("±30%", 99.0, 99.2, 99.4),
    "cyclic-translation-8": Published("up to 8 px, whole pixels", 99.6),
    "brightness": Published("±0.5, not clipped", 98.2),
    "blur": Published("variance up to 36 px²", 90.6),
}
"""By case. Li et al., "TSS: Transformation-Specific Smoothing", CCS 2021, and the logs of its
authors' runs. Radii are theirs, networks and images too: beside ours, not the same work."""

"""What is certified: a box of transformation parameters, with an l2 ball on top of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gsmooth.errors import ConfigurationError


@final
@dataclass(frozen=True)
class Region:
    """All attacks psi_theta(x) + e with lower <= theta <= upper (axis by axis) and ||e||_2 < l2.

    lower, upper: one number a parameter, in the parameter's unit, around 0 (lower <= 0 <= upper).
    l2: radius in pixel units of the declared input range; 0 when only parameters move.
    """

    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    l2: float = 0.0

    def __post_init__(self) -> None:
        if len(self.lower) != len(self.upper):
            raise ConfigurationError(
                f"region: {len(self.lower)} lower ends and {len(self.upper)} upper ends were given;"
                " give one of each for every parameter"
            )
        for low, high in zip(self.lower, self.upper, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low <= 0.0 <= high):
                raise ConfigurationError(
                    f"region: the interval [{low}, {high}] must be finite and contain 0,"
                    " the untransformed image"
                )
        if not (math.isfinite(self.l2) and self.l2 >= 0.0):
            raise ConfigurationError(f"region: l2={self.l2} must be a finite number >= 0")

    @property
    def dimensions(self) -> int:
        """Number of transformation parameters."""
        return len(self.lower)

    def scaled(self, factor: float) -> Region:
        """The region shrunk towards the clean image; ``factor`` in [0, 1] is its gauge."""
        return Region(
            tuple(factor * v for v in self.lower),
            tuple(factor * v for v in self.upper),
            factor * self.l2,
        )

    def describe(self, names: tuple[str, ...], units: tuple[str, ...]) -> str:
        """One line for people, e.g. ``angle in [-30, 30] deg``."""
        parts = [
            f"{name} in [{low:g}, {high:g}] {unit}"
            for name, unit, low, high in zip(names, units, self.lower, self.upper, strict=True)
        ]
        if self.l2 > 0.0 or not parts:
            parts.append(f"l2 < {self.l2:g}")
        return ", ".join(parts)

"""What is certified: a box of transformation parameters, with an l2 ball on top of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gsmooth.errors import ConfigurationError
from gsmooth.text.rounding import text_inward


@final
@dataclass(frozen=True)
class Region:
    """All attacks psi_theta(x) + e with lower <= theta <= upper (axis by axis) and ||e||_2 < l2.

    lower, upper: one number a parameter, in the parameter's unit, around 0 (lower <= 0 <= upper);
    a -0.0 becomes 0.0.
    l2: radius in pixel units of the declared input range; 0 when only parameters move.
    bits: the attacked image is then rounded to 2^bits levels of the declared input range, as an
    image file does; 0: it is not, and stays the float image that psi gives.
    """

    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    l2: float = 0.0
    bits: int = 0

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
        # -0.0 + 0.0 is 0.0: no bound has to know what becomes of a negative zero that divides.
        object.__setattr__(self, "lower", tuple(low + 0.0 for low in self.lower))
        object.__setattr__(self, "upper", tuple(high + 0.0 for high in self.upper))
        object.__setattr__(self, "l2", self.l2 + 0.0)
        if not (math.isfinite(self.l2) and self.l2 >= 0.0):
            raise ConfigurationError(f"region: l2={self.l2} must be a finite number >= 0")
        if not 0 <= self.bits <= 16:
            raise ConfigurationError(
                f"region: bits={self.bits} must lie in 1..16, or be 0 where attacks are not rounded"
            )

    @property
    def dimensions(self) -> int:
        """Number of transformation parameters."""
        return len(self.lower)

    def scaled(self, factor: float) -> Region:
        """The region shrunk towards the clean image by its fraction in [0, 1]; rounding stays."""
        return Region(
            tuple(factor * v for v in self.lower),
            tuple(factor * v for v in self.upper),
            factor * self.l2,
            self.bits,
        )

    def half_level(self, input_range: tuple[float, float] = (0.0, 1.0)) -> float:
        """What rounding can move a pixel by; 0 where attacks are not rounded."""
        low, high = input_range
        return (high - low) / (2**self.bits - 1) / 2.0 if self.bits else 0.0

    def describe(self, names: tuple[str, ...], units: tuple[str, ...]) -> str:
        """One line for people, e.g. ``angle in [-30, 30] deg``; never more than the region (F4)."""
        parts = [
            f"{name} in [{text_inward(low)}, {text_inward(high)}] {unit}"
            for name, unit, low, high in zip(names, units, self.lower, self.upper, strict=True)
        ]
        if self.l2 > 0.0 or not parts:
            parts.append(f"l2 < {text_inward(self.l2)}")
        if self.bits:
            parts.append(f"rounded to {self.bits} bits")
        return ", ".join(parts)

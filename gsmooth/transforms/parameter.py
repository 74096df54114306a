"""Parameter: what a transformation takes, in its unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, final

from gsmooth.errors import ConfigurationError
from gsmooth.transforms.region import RESERVED

if TYPE_CHECKING:
    from torch import Tensor

_SIDES: Final = ("height", "width")
"""Periods that are a side of the image, in the order of a shape (C, H, W)."""


@final
@dataclass(frozen=True)
class Parameter:
    """One parameter of a transformation: its name, its unit and what it does.

    Args:
        name: Name in regions, options and records.
        unit: Unit for people, such as "deg" or "px".
        description: What it does, in a few words.
        usual: How far attacks usually go, in the unit; ``gsmooth check`` goes so far by default.
        step: Attacks take whole multiples of it only (whole pixels, say), a finite set in every
            region; 0: any value. Noise takes any value, whatever the step, except Haar and
            grid-uniform noise.
        period: T_(theta + period) = T_theta, in the unit: 360.0 for an angle in degrees; "height"
            or "width" for that of the image in pixels; 0: none is known. It is what Haar noise
            needs (T7), and is for orthogonal actions only.
        whole: T_theta exists at whole multiples of the step only (mirror images), so the only noise
            is Haar noise. It needs a step and a period.

    Raises:
        ConfigurationError: The name is that of an argument of Region, step or period is negative or
            not finite, or the period is no multiple of the step.

    Example:
        >>> Parameter("dx", "px", "to the right", step=1.0).values(-2.0, 2.0)
        (-2.0, -1.0, 0.0, 1.0, 2.0)
    """

    name: str
    unit: str
    description: str = ""
    # How far attacks go is the transformation's to say, and labels nothing in records.
    usual: float = field(default=1.0, metadata={"recorded": False})
    step: float = 0.0
    # Records state the period with the noise that has it.
    period: float | Literal["height", "width"] = field(default=0.0, metadata={"recorded": False})
    whole: bool = field(default=False, metadata={"recorded": False})

    def __post_init__(self) -> None:
        if self.name in RESERVED:
            raise ConfigurationError(
                f"{self.name}: a parameter needs another name than {', '.join(RESERVED)}, which"
                " are arguments of Region"
            )
        if not (math.isfinite(self.step) and self.step >= 0.0):
            raise ConfigurationError(
                f"{self.name}: step={self.step} must be a finite number, or 0 for any value"
            )
        self._check_period()
        if self.whole and not (self.step and self.period):
            raise ConfigurationError(
                f"{self.name}: whole=True needs a step and a period, which make a finite group"
            )

    def _check_period(self) -> None:
        period, step = self.period, self.step
        if isinstance(period, str):
            if period not in _SIDES:
                raise ConfigurationError(
                    f"{self.name}: period={period!r}; expected a number in {self.unit}, or"
                    f" {' or '.join(map(repr, _SIDES))} of the image"
                )
        elif not (math.isfinite(period) and period >= 0.0):
            raise ConfigurationError(
                f"{self.name}: period={period} must be a finite number, or 0 for none"
            )
        elif step and round(period / step) * step != period:
            raise ConfigurationError(
                f"{self.name}: period={period:g} must be a whole multiple of the step {step:g}"
            )

    def period_of(self, shape: tuple[int, int, int]) -> float:
        """The period in the parameter's unit for images (C, H, W); 0 where there is none.

        Example:
            >>> Parameter("down", "px", period="height").period_of((3, 32, 48))
            32.0
        """
        if isinstance(self.period, str):
            return float(shape[1 + _SIDES.index(self.period)])
        return self.period

    def values(self, lower: float, upper: float) -> tuple[float, ...]:
        """Every value that an attack can take in [lower, upper], ascending; there must be a step.

        Products k * step as float64 has them: one that lies beyond an end is left out.
        """
        first, last = math.floor(lower / self.step), math.ceil(upper / self.step)
        found = (k * self.step for k in range(first - 1, last + 2))
        return tuple(value for value in found if lower <= value <= upper)

    def between(self, lower: float, upper: float, part: Tensor) -> Tensor:
        """The values that lie this ``part`` in [0, 1] of the way from lower to upper.

        With a step, one of ``values``, each for an equal share of the parts.
        """
        if not self.step:
            return lower + (upper - lower) * part
        values = part.new_tensor(self.values(lower, upper))
        return values[(part * len(values)).long().clamp(0, len(values) - 1)]

"""Settings of theory: grids of tables and of searches. No bound rests on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ExpectedSamplesSettings:
    """The table of expected votes, by which covers are chosen.

    Its axes are margins Phi^-1(required p) and Phi^-1(p). Beyond the ends of an axis the value at
    the end is used.
    """

    step: float = 0.04
    """Distance of grid points along both axes."""
    required_p: tuple[float, float] = (0.0, 5.0)
    """Ends of the axis of required p, as margins."""
    p: tuple[float, float] = (-1.0, 6.0)
    """Ends of the axis of p, as margins."""
    exact_failures: int = 24
    """Failures up to which acceptance is computed exactly."""
    look_growth: float = 1.08
    """Factor between numbers of votes that are evaluated beyond them."""


@final
@dataclass(frozen=True)
class TheorySettings:
    """All settings of theory."""

    table: ExpectedSamplesSettings = ExpectedSamplesSettings()
    boundary_spacing: int = 64
    """Every so many numbers of votes a boundary is searched for from scratch. Only time depends
    on it: those between start from their neighbours and end at the same values."""


THEORY: Final = TheorySettings()

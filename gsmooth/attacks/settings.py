"""Settings of the adversary that no plan gives. They change how often an attack is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class AttackSettings:
    """What every search does; ``AttackPlan`` says how hard a run's adversary searches.

    More of each costs forward passes and finds more attacks. No certificate rests on them.
    """

    most_points: int = 1024
    """Most points of the grid. A region of several parameters gets fewer along each of them."""
    starts: int = 2
    """Screened points from which the gradient is followed."""
    finalists: int = 6
    """Points that are screened again: the least of many noisy counts is low by luck."""


ATTACK: Final = AttackSettings()

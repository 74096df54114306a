"""Settings of certification: how many images at once, when to look, when to give up.

No guarantee rests on any of them: alpha and the numbers of votes are in the modes, which users
choose. Other values of the settings give other covers, stopping times and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class FeasibilitySettings:
    """The check before the first vote, and the number of votes that it suggests."""

    most_centres: int = 256
    """Numbers of centres among which the least votes of an infeasible run are searched for."""
    safety_margin: float = 1e-3
    """Margin for float errors (F1) within which a suggested number of votes suffices."""
    smallest_fraction: float = 1e-9
    """Fraction of a region that stands for a radius of nearly 0."""


@final
@dataclass(frozen=True)
class GivingUpSettings:
    """When a centre is given up because its votes will not suffice. Giving up is always sound."""

    votes_between: int = 128
    """Votes at one centre between two such judgements; there is another before each centre."""
    level: float = 0.98
    """Level of the upper bound on a centre's p by which its cost is forecast."""
    waiting_level: float = 0.999
    """Level of the upper bounds on p by which the cost of the centres that wait is forecast."""
    leeway: float = 1.2
    """Factor by which the forecast may exceed the votes that are left: it is a model."""


@final
@dataclass(frozen=True)
class FixedRuleSettings:
    """The price of a centre when every centre gets n votes (the rule "fixed")."""

    typical_centres: int = 32
    """Number of centres assumed before it is known."""
    success: float = 0.95
    """Probability, aimed at, that all centres of a cover pass."""


@final
@dataclass(frozen=True)
class RadiusSettings:
    """Radius mode with a confidence sequence: when the votes of a centre are looked at."""

    first_look: int = 16
    """Votes before the first look."""
    growth: float = 1.125
    """Factor from the votes of one look to those of the next. A look takes some milliseconds."""
    fractions: int = 65
    """Fractions of the region at which a smooth ball's margin is taken to decide when to stop."""


@final
@dataclass(frozen=True)
class CertificationSettings:
    """All settings of certification, by what they are for."""

    images_in_flight: int = 64
    """Most images at once if no number is given: each of them keeps a cover in memory."""
    pilot_votes: int = 8
    """Votes at each pilot point. The cheapest cover is chosen by them; they never count."""
    nested_draws: int = 8
    """Draws of theta counted together in the nested method; it may end after each such group."""
    feasibility: FeasibilitySettings = FeasibilitySettings()
    giving_up: GivingUpSettings = GivingUpSettings()
    fixed_rule: FixedRuleSettings = FixedRuleSettings()
    radius: RadiusSettings = RadiusSettings()


CERTIFICATION: Final = CertificationSettings()

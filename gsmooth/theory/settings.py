"""Settings of theory: grids of tables and of searches, on which no bound rests, and the weights of
mixtures, of which any are valid that are fixed before the votes."""

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
class RunnerUpSettings:
    """The test of S9. Records are judged with them: they belong to the decision rule, version 2."""

    prior: tuple[float, float, float] = (1.0, 0.5, 0.5)
    """Exponents of the Dirichlet law over which likelihoods are mixed: of the selected class, of
    the other class and of the rest. Any law is valid; this one needs the fewest votes of those that
    were tried."""
    variation: float = 2.0**-20
    """Total variation between float and real noise that every such test pays for. A classifier
    whose noise has more is refused by the rule."""
    near_one: float = 0.125
    """Exponent at 1 of the prior of the one-sided e-process where the selection votes are
    unanimous; 1/2 is Jeffreys'. Unanimous votes then cost 1.06 times what Wald's test needs."""
    widest: float = 8.0
    """Largest margin that a bound is sought up to; Phi of it is 1 - 6e-16."""
    halvings: int = 30
    """Steps of that search: what it finds is within 1e-8 of the largest margin."""
    unanimous: float = 0.1
    """Weight of the test of the runner-up where the selection votes are unanimous..."""
    concentrated: float = 0.1
    """... where one class has more than half of the other votes..."""
    spread: float = 0.5
    """... and where the other votes are spread."""


@final
@dataclass(frozen=True)
class PopulationSettings:
    """The bets of S10. Records are judged with them."""

    deviations: tuple[float, float] = (0.02, 0.5)
    """Least and largest standard deviation of values in [0, 1] that a bet is sized for."""
    bets: int = 16
    """Bets of different sizes; more cost a little more than they give."""
    most_staked: float = 0.99
    """The largest part of the capital that one value can lose."""
    halvings: int = 40
    """Steps of the search for the bound, which is then known to 2^-40."""
    slack: float = 1e-10
    """What every bound gives up for rounding errors, which are far smaller."""


@final
@dataclass(frozen=True)
class AnytimePredictSettings:
    """The test of S3b, and when it looks at the votes. Any values are valid; others need
    other numbers of votes."""

    near_one: float = 0.25
    """Exponent at 1 of the prior of the e-value. Unanimous votes cost 12 at alpha = 0.001 and 23 at
    1e-6, where a test for them alone would take 11 and 21."""
    uniform: float = 1.0 / 16.0
    """Weight that all classes share, whatever the first votes are, so that each can be returned."""
    least_look: int = 8
    """Votes between two looks, at least..."""
    growth: float = 0.125
    """... and at least so many for each vote before."""


@final
@dataclass(frozen=True)
class TheorySettings:
    """All settings of theory."""

    table: ExpectedSamplesSettings = ExpectedSamplesSettings()
    runner_up: RunnerUpSettings = RunnerUpSettings()
    population: PopulationSettings = PopulationSettings()
    predict: AnytimePredictSettings = AnytimePredictSettings()
    boundary_spacing: int = 64
    """Every so many numbers of votes a boundary is searched for from scratch. Only time depends
    on it: those between start from their neighbours and end at the same values."""


THEORY: Final = TheorySettings()

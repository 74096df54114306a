"""Settings of covers: how finely a region is searched and divided, and when that ends.

No guarantee rests on any of them. A bound holds on whole cells however few there are, and the
number and the places of the centres are free (C1, C2). What a setting trades is time and memory
against tighter margins, and so against votes. Other values give other covers and other counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class MemorySettings:
    """What is in memory at once while a cover is built."""

    images: int = 512
    """Most images, or cells of them, that are pulled back in one batch."""
    numbers: int = 2**22
    """Most numbers (pixels times images) in such a batch: about 32 MB in float64."""
    grid: int = 2**24
    """Most numbers of C on a grid, which has fewer points for large images: 128 MB."""
    finite_attacks: int = 2**14
    """Most attacks in a region of whole steps. All are held in z: 2^14 digits are 150 MB."""
    one_sided_arcs: int = 4_000_000
    """Most arcs that are compared under a one-sided law; the longest are left out."""


@final
@dataclass(frozen=True)
class GridSettings:
    """The grid over a whole region by which centres are chosen."""

    cells: tuple[int, int] = (48, 1024)
    """Cells with one moving parameter, at first, and with several. Refinement makes more."""
    fewest: int = 16
    """Cells that a grid has at least, however large images are."""
    step: float = 0.14
    """Joint distance that the grid of a curve aims at between its points, in noise stds."""
    most_points: int = 4096
    """Most points on the grid of a curve. The time for its arcs grows with their square."""
    most_free_points: int = 512
    """The same where shifts cost nothing: sets of points of all of the curve are compared."""
    points_per_centre: int = 16
    """Most grid points for each centre, where their number is given: more gain nothing."""
    unsmoothed_cells: int = 17
    """Cells along an unsmoothed parameter; at their ends it is seen how far C moves."""


@final
@dataclass(frozen=True)
class ArcSettings:
    """The search for cuts of a curve (one moving parameter)."""

    widest: float = 4.0
    """Radius of the widest arc, in noise stds: no sensible number of votes shows such a share."""
    most_work: int = 30_000_000
    """Grid points visited, arc by arc, before longer arcs are left out: a second or two."""


@final
@dataclass(frozen=True)
class ClusterSettings:
    """The search for clusters of grid points (several moving parameters) and their balls."""

    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 24, 36, 52, 76, 112, 160)
    """Numbers of centres that are tried."""
    free_counts: int = 5
    """The first so many of these are tried where shifts cost nothing (Haar noise)."""
    rounds: int = 12
    """Most rounds in which cells change their owners, for the final number of centres."""
    rough_rounds: int = 3
    """Most rounds while only the number of centres is searched for."""
    patience: int = 6
    """Rounds without a smaller largest ball after which the search ends."""
    most_boxes: int = 64
    """Most boxes that are tried under noise by whole steps (T8)."""
    ball_iterations: int = 80
    """Iterations for a smallest enclosing ball: more give a smaller one."""
    rough_ball_iterations: int = 16
    """Iterations while clusters still change: balls are some 2% too large."""


@final
@dataclass(frozen=True)
class PilotSettings:
    """Pilot votes, by which the cheapest cover is chosen."""

    points: tuple[int, int] = (8, 3)
    """Pilot points along one moving parameter, and along each of several."""
    points_alike: tuple[int, int] = (8, 2)
    """The same along a parameter with Haar noise, where all have about the same p."""
    reach: float = 1.0 / 16.0
    """Std of the Gaussian kernel that spreads votes to other points, in spans of the region."""
    likely: tuple[float, float] = (0.05, 0.95)
    """Levels of the low and the high share between which the selection votes leave it likely. If
    one ball costs least at both, no pilot votes are cast."""
    prior_votes: float = 4.0
    """Votes that the mean over all points counts for at every point."""
    floors: tuple[float, ...] = (0.0, 0.7, 0.8, 0.86, 0.9, 0.93, 0.96, 0.98, 0.99, 0.999)
    """Fractions of votes that pilots are raised to, in turn, until a cover can be paid for."""


@final
@dataclass(frozen=True)
class RefinementSettings:
    """Halving of cells until the margins of a cover's balls are nearly tight."""

    tolerance: float = 0.03
    """Margin by which a ball's bound may exceed its sampled supremum, in noise stds."""
    rounds: int = 16
    """Most rounds of splitting."""
    most_parts: int = 8
    """Most parts of a cell in one round."""
    measure_again: float = 8.0
    """Bounds are computed again for parts of a cell that are so many times narrower than it."""
    chord_order: float = 1.7
    """Power of a cell's width that its bound by the chord is taken to fall with, when it is cut."""
    most_cells: int = 16384
    """Cells at which refinement ends: the bound stays sound, only less tight."""
    step_gap: float = 0.01
    """Part of a step by which a region without a value ends before it. Six digits show it."""
    box_steps: int = 32
    """Sub-regions between the first that meets a box and the first that contains it."""


@final
@dataclass(frozen=True)
class SupremumSettings:
    """One bound for a whole region: calibration, distributional and nested covers."""

    tolerance: float = 0.01
    """Part of a supremum by which its bound may exceed the largest sampled value."""
    cells: tuple[int, ...] = (64, 16, 6)
    """Cells along each axis at first, for 1, 2, and 3 or more parameters."""
    rounds: int = 24
    """Most rounds of halving."""
    most_cells: int = 16384
    """Cells at which refinement ends."""
    failures: tuple[float, ...] = (1e-6, 1e-4, 1e-3, 1e-2)
    """Values of rho0 (T5) that are tried: with each of them a Lipschitz bound is taken."""


@final
@dataclass(frozen=True)
class DistributionalSettings:
    """The number of centres of a distributional cover (S8)."""

    most_centres: int = 64
    """Most centres that are tried."""
    typical_fraction: float = 0.999
    """Fraction of votes assumed at every centre when their number is chosen."""


@final
@dataclass(frozen=True)
class OnlineSettings:
    """Covers of all preimages of an attacked image."""

    tolerance: float = 0.04
    """A cell is halved again if its last halving took this off its margin, in noise stds."""
    spare_margin: float = 0.1
    """Margin that is given up for fewer balls, in noise stds."""
    counts: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
    """Numbers of balls that are tried."""
    first_cells: tuple[int, int] = (64, 576)
    """Cells with one moving parameter, and with several, before any is halved."""
    early: int = 8
    """Cells are halved whatever that gains until they are so many times smaller than the first."""
    most_cells: int = 4096
    """Cells at which refinement ends."""
    cells_at_once: int = 64
    """Cells that are halved between two readings of the clock, the largest balls first."""


@final
@dataclass(frozen=True)
class CoverSettings:
    """All settings of covers, by what they are for."""

    memory: MemorySettings = MemorySettings()
    grid: GridSettings = GridSettings()
    arcs: ArcSettings = ArcSettings()
    clusters: ClusterSettings = ClusterSettings()
    pilots: PilotSettings = PilotSettings()
    refinement: RefinementSettings = RefinementSettings()
    supremum: SupremumSettings = SupremumSettings()
    distributional: DistributionalSettings = DistributionalSettings()
    online: OnlineSettings = OnlineSettings()


COVER: Final = CoverSettings()

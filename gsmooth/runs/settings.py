"""Settings of runs: dry runs, forecasts, notices, what verify tries, and blocks of files.

None of them changes a vote, a certificate or a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class DryRunSettings:
    """A dry run, which measures what a run will cost."""

    images: int = 3
    """Images that are tried, evenly spread. More give a better estimate."""
    seconds: float = 10.0
    """Seconds after which no other image is begun."""
    backward_cost: int = 3
    """Cost of one step along the gradient, in forward passes."""


@final
@dataclass(frozen=True)
class ForecastSettings:
    """The forecast of the time that is left."""

    drift: float = 0.05
    """Relative width for the machine's speed, which changes whatever the votes are."""
    one_image: float = 0.5
    """Relative width after one image; it falls with their number. Images can all be unusual."""
    memory: float = 0.25
    """Half-life of measured speed, as a fraction of the time so far."""
    one_number: float = 1.3
    """Ratio of high to low up to which one number is printed, not a range."""


@final
@dataclass(frozen=True)
class MonitorSettings:
    """The notices and the progress of a run."""

    refresh_s: float = 0.5
    """Seconds between two lines of progress, at least."""
    warn_after: int = 20
    """Images after which a model that is wrong on half of them is reported."""
    long_s: float = 30.0
    """Expected seconds from which a run is called long."""
    forecast_after: int = 3
    """Images after which that is said."""


@final
@dataclass(frozen=True)
class VerifySettings:
    """The search for parameters that recorded balls do not cover. More points find more faults."""

    points: int = 256
    """Most parameters of the region that are tried; its corners always are."""
    points_per_centre: int = 8
    """Most points for each centre if one parameter moves."""
    most_steps: int = 2**40
    """Steps across the region from which a parameter counts as continuous."""
    most_moving: int = 10
    """Parameters that are moved at once: 2^10 corners. The others stay at 0."""
    missing_shown: int = 5
    """Missing images that are named."""


@final
@dataclass(frozen=True)
class FunctionSettings:
    """The images on which a model is tried before a run."""

    images: int = 4
    """First images of the run that are used."""
    least_rows: int = 16
    """Least noisy rows: enough for the halves, thirds and batches of seven that are compared."""


@final
@dataclass(frozen=True)
class FileSettings:
    """How records are read and exported. What these trade is memory against calls."""

    block_bytes: int = 2**20
    """Bytes of a journal that are read at once."""
    group_rows: int = 10_000
    """Rows of a group in a Parquet file: so many are in memory."""


@final
@dataclass(frozen=True)
class WorkerSettings:
    """Workers in other processes, and when one counts as dead."""

    deaths: int = 3
    """Deaths in succession, without a finished image between them, after which it is given up."""
    pulse_s: float = 5.0
    """Seconds between two questions whether a worker is still there."""
    silence_s: float = 120.0
    """Seconds without an answer after which a worker is ended and its images are given out again.
    It need not be right: an image that is certified twice has the same row."""
    waiting_s: float = 15.0
    """Seconds without any worker after which the user is told so."""


@final
@dataclass(frozen=True)
class InitSettings:
    """What ``gsmooth init`` suggests for a folder of images."""

    images: int = 64
    """Images that lift and noise are chosen by."""
    most_side: int = 96
    """Side in pixels up to which images of one size stay as they are."""
    side: int = 64
    """Shortest side, at most, that others are brought to: votes cost in proportion to the area."""
    unbalanced: float = 3.0
    """Images of the largest class over those of the smallest from which classes are balanced."""
    holdout: float = 0.2
    """Part of data without splits that is kept for certificates."""
    limit: int = 100
    """Images that the suggested run certifies at most."""
    shown: int = 5
    """Files or classes that are named in a message, at most."""


@final
@dataclass(frozen=True)
class RunSettings:
    """All settings of runs, by what they are for."""

    dry_run: DryRunSettings = DryRunSettings()
    forecast: ForecastSettings = ForecastSettings()
    monitor: MonitorSettings = MonitorSettings()
    verify: VerifySettings = VerifySettings()
    function: FunctionSettings = FunctionSettings()
    files: FileSettings = FileSettings()
    workers: WorkerSettings = WorkerSettings()
    init: InitSettings = InitSettings()


RUN: Final = RunSettings()

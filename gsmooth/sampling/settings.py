"""Settings of sampling: batches, their sizes, and the check that a model is a function.

None of them changes a count: noise depends on its key alone. Constants that noise or the readout
are made of (chunks, the grid, blocks of the readout) are no settings; they stay beside their code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class PaceSettings:
    """The search for the fastest batch size."""

    first_rows: int = 16
    """Rows of the first batch that is timed. Sizes then double."""
    most_rows: int = 4096
    """Rows of the largest batch that is timed."""
    gain: float = 1.05
    """Factor in speed below which a size gains nothing. After two such sizes the search ends."""
    as_good: float = 0.97
    """Fraction of the best rate from which the smallest batch is chosen."""
    longest_s: float = 2.0
    """Seconds for all sizes together, after which no larger one is timed."""
    timing_s: float = 0.04
    """Least seconds of one timing: shorter ones are repeated."""
    timings: int = 3
    """Timings of a size. The fastest is taken, since other programs only slow it down."""


@final
@dataclass(frozen=True)
class FunctionCheckSettings:
    """Tolerances of the check that a model's answer depends on its own image alone.

    Differences are fractions of the spread of scores. Within one program float32 differs by 2^-17
    or so when sums are ordered otherwise. At the edge of a tile another program may run, and 16
    bits have hardly more digits than ``moved_16_bits``. At one place of one size arithmetic is the
    same. Larger tolerances let more faults pass; the check is by example and proves nothing.
    """

    least_rows: int = 10
    """Least number of images that a check accepts."""
    odd_rows: int = 7
    """Rows of a batch whose size no tile divides."""
    reordered: float = 2.0**-14
    """Difference allowed when sums may be ordered otherwise."""
    repeated: float = 2.0**-18
    """Difference allowed to a model that repeats its scores bit by bit."""
    moved: float = 2.0**-11
    """Difference allowed in another place of the batch."""
    moved_16_bits: float = 2.0**-3
    """The same for a model that computes in 16 bits."""


@final
@dataclass(frozen=True)
class SamplingSettings:
    """All settings of sampling, by what they are for."""

    batches_in_round: int = 16
    """Most batches before counts are transferred: bounds the table of counts in memory."""
    strip_numbers: int = 2**17
    """Numbers of z that get their noise at once; small requests share the cost of a call."""
    pace: PaceSettings = PaceSettings()
    function_check: FunctionCheckSettings = FunctionCheckSettings()


SAMPLING: Final = SamplingSettings()

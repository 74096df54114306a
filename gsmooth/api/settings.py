"""Settings of the public functions: votes where none are given, and what a notebook shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ApiSettings:
    """Defaults and sizes. More votes certify more and take longer; no guarantee rests on them."""

    max_votes: int = 5000
    """Votes an image in region mode, at most, if no number is given."""
    n0_first: int = 16
    """Selection votes that are enough if they are all for one class."""
    votes_fixed: int = 400
    """Votes a centre of the rule "fixed"."""
    votes_per_centre: int = 10_000
    """Votes a centre in radius mode if no number is given."""
    votes_flipped: int = 2
    """Of 64 votes: so many may be others on other hardware, without it being another network."""
    images_shown: int = 8
    """Images of a picture, at most."""
    rows_shown: int = 20
    """Rows of the table that a notebook shows, at most."""


API: Final = ApiSettings()

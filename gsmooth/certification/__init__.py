"""Certification: votes select a class, choose a cover and test its centres."""

from __future__ import annotations

from gsmooth.certification.decide import decide, prediction
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.rules import (
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
)
from gsmooth.certification.session import Counts, Voting
from gsmooth.certification.stopping import least_votes

__all__ = [
    "Counts",
    "Mode",
    "Outcome",
    "RadiusMode",
    "RegionMode",
    "Voting",
    "check_level",
    "check_votes",
    "chunks",
    "decide",
    "least_votes",
    "prediction",
]

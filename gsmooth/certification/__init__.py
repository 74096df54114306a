"""Deciding one image: votes select a class, choose a cover, and put its centres to the test."""

from __future__ import annotations

from gsmooth.certification.decide import PILOT_VOTES, Decision, Finding, decide, prediction
from gsmooth.certification.rules import (
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
)
from gsmooth.certification.session import Counts
from gsmooth.certification.stopping import least_votes

__all__ = [
    "PILOT_VOTES",
    "Counts",
    "Decision",
    "Finding",
    "Mode",
    "RadiusMode",
    "RegionMode",
    "check_level",
    "check_votes",
    "chunks",
    "decide",
    "least_votes",
    "prediction",
]

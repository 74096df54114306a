"""Deciding one image: votes select a class, choose a cover, and put its centres to the test."""

from __future__ import annotations

from gsmooth.decision.court import Counts
from gsmooth.decision.decide import PILOT_VOTES, Decision, Finding, decide, prediction
from gsmooth.decision.looks import least_votes
from gsmooth.decision.modes import (
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
)

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

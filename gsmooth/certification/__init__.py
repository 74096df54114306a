"""Certification: votes select a class, choose a cover and test its centres."""

from __future__ import annotations

from gsmooth.certification.decide import decide
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.rules import (
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
)
from gsmooth.certification.session import Counts, Voting, prediction
from gsmooth.certification.stopping import least_votes
from gsmooth.certification.task import CertifyTask

__all__ = [
    "CertifyTask",
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

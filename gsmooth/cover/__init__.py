"""Covers: an attack set as a finite list of balls (docs/theory.md, C1 to C5)."""

from __future__ import annotations

from gsmooth.cover.bounds.margin_model import MarginModel, check_region
from gsmooth.cover.build import Ball, Cover
from gsmooth.cover.builders import CoverBuilder, GivenCover, IndividualCovers, OnlineCovers
from gsmooth.cover.pilots import PilotEstimates
from gsmooth.cover.planning.plan import CoverPlan
from gsmooth.cover.planning.planned import build_cover, plan_cover
from gsmooth.cover.planning.planner import Centres, Price

__all__ = [
    "Ball",
    "Centres",
    "Cover",
    "CoverBuilder",
    "CoverPlan",
    "GivenCover",
    "IndividualCovers",
    "MarginModel",
    "OnlineCovers",
    "PilotEstimates",
    "Price",
    "build_cover",
    "check_region",
    "plan_cover",
]

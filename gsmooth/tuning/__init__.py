"""Tuning: lifts and noises compared on training images, without votes."""

from __future__ import annotations

from gsmooth.tuning.candidate import Candidate, Figures, Spread
from gsmooth.tuning.model import LabelledModel
from gsmooth.tuning.noises import NoiseChoice
from gsmooth.tuning.tune import Tuning, lift_variants, steps, tuned

__all__ = [
    "Candidate",
    "Figures",
    "LabelledModel",
    "NoiseChoice",
    "Spread",
    "Tuning",
    "lift_variants",
    "steps",
    "tuned",
]

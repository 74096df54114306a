"""Training of a base classifier on noisy inputs, as certification uses them."""

from __future__ import annotations

from gsmooth.training.interrupt import TrainingInterrupted
from gsmooth.training.loop import Watching
from gsmooth.training.methods import Consistency, Macer, Method, PlainNoise, SmoothAdv
from gsmooth.training.noise import NoisyInputs
from gsmooth.training.plan import TrainPlan
from gsmooth.training.recipe import train, train_source, train_views
from gsmooth.training.report import EpochReport, TrainReport

__all__ = [
    "Consistency",
    "EpochReport",
    "Macer",
    "Method",
    "NoisyInputs",
    "PlainNoise",
    "SmoothAdv",
    "TrainPlan",
    "TrainReport",
    "TrainingInterrupted",
    "Watching",
    "train",
    "train_source",
    "train_views",
]

"""Training a base classifier that is good under its own smoothing."""

from __future__ import annotations

from gsmooth.training.noise import NoisyInputs
from gsmooth.training.recipe import EpochReport, TrainPlan, TrainReport, train, train_views

__all__ = ["EpochReport", "NoisyInputs", "TrainPlan", "TrainReport", "train", "train_views"]

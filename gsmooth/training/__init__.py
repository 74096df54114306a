"""Training of a base classifier on noisy inputs, as certification uses them."""

from __future__ import annotations

from gsmooth.training.noise import NoisyInputs
from gsmooth.training.recipe import EpochReport, TrainPlan, TrainReport, train, train_views

__all__ = ["EpochReport", "NoisyInputs", "TrainPlan", "TrainReport", "train", "train_views"]

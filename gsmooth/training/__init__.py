"""Training a base classifier that is good under its own smoothing."""

from __future__ import annotations

from gsmooth.training.recipe import EpochReport, TrainPlan, TrainReport, train

__all__ = ["EpochReport", "TrainPlan", "TrainReport", "train"]

"""Methods of training: what is minimized on one batch of noisy inputs."""

from __future__ import annotations

from gsmooth.training.methods.consistency import Consistency
from gsmooth.training.methods.macer import Macer
from gsmooth.training.methods.method import BatchLoss, Method, TrainedNetwork
from gsmooth.training.methods.plain import PlainNoise
from gsmooth.training.methods.smoothadv import SmoothAdv
from gsmooth.training.methods.stability import Stability

__all__ = [
    "BatchLoss",
    "Consistency",
    "Macer",
    "Method",
    "PlainNoise",
    "SmoothAdv",
    "Stability",
    "TrainedNetwork",
]

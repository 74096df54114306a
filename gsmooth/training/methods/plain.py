"""PlainNoise: cross-entropy on noisy inputs (Cohen et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor
from torch.nn.functional import cross_entropy

from gsmooth.training.methods.method import BatchLoss, Method, TrainedNetwork
from gsmooth.training.noise import NoisyInputs, dealt


@final
@dataclass(frozen=True)
class PlainNoise(Method):
    """Cross-entropy on one noisy input for each image."""

    name: ClassVar[str] = "noise"

    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The mean cross-entropy."""
        scores = network.scores(dealt(views, x))
        return BatchLoss(cross_entropy(scores, labels, label_smoothing=smoothing), scores, labels)

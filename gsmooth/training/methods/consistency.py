"""Consistency: the same answer under different noise (Jeong and Shin 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gsmooth.training.methods.method import (
    BatchLoss,
    Method,
    TrainedNetwork,
    require_draws,
    require_positive,
)
from gsmooth.training.noise import LiftedViews, NoisyInputs


@final
@dataclass(frozen=True)
class Consistency(Method):
    """Cross-entropy on several draws of noise, plus weight * KL(mean || draw) + entropy * H(mean).

    The mean is that of the predicted probabilities over the draws for one attacked image. KL is
    averaged over draws and images, the entropy H over images.

    Args:
        weight: Factor of the divergence. Larger values give more certificates at large margins and
            a lower accuracy.
        entropy: Factor of the entropy; above 0 it keeps predictions from becoming flat.
        draws: Draws of noise for each image; a step costs as much as so many plain ones.

    Example:
        >>> scores = torch.tensor([[[0.8, 0.2]], [[0.6, 0.4]]]).log()  # Two draws of one image.
        >>> round(Consistency(weight=10.0, entropy=0.0).regularization(scores).item(), 3)
        0.249
    """

    weight: float = 5.0
    entropy: float = 0.5
    draws: int = 2
    name: ClassVar[str] = "consistency"

    def __post_init__(self) -> None:
        require_draws(self.name, self.draws, least=2)
        require_positive(self.name, weight=self.weight)
        if self.entropy:
            require_positive(self.name, entropy=self.entropy)

    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The mean cross-entropy, and the two terms of consistency."""
        lifted = LiftedViews.of(views, x)
        seen = torch.cat([lifted.inputs(lifted.noise()) for _ in range(self.draws)])
        scores = network.scores(seen)
        plain = cross_entropy(scores, labels.repeat(self.draws), label_smoothing=smoothing)
        drawn = scores.reshape(self.draws, len(x), -1)
        return BatchLoss(plain + self.regularization(drawn), drawn[0], labels)

    def regularization(self, scores: Tensor) -> Tensor:
        """The terms of consistency, a scalar; scores (draws, N, classes)."""
        log_p = scores.log_softmax(dim=2)
        mean = log_p.exp().mean(dim=0)
        log_mean = mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
        divergence = (mean * (log_mean - log_p)).sum(dim=2).mean()
        entropy = -(mean * log_mean).sum(dim=1).mean()
        return self.weight * divergence + self.entropy * entropy

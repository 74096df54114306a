"""Stability: a denoiser that keeps the answers of a given network (Salman et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gsmooth.models.zoo.denoiser import Denoised
from gsmooth.training.methods.method import BatchLoss, Method, TrainedNetwork
from gsmooth.training.noise import NoisyInputs, dealt


@final
@dataclass(frozen=True)
class Stability(Method):
    """Cross-entropy of the denoised, noisy input with the class that the network gives the image.

    The true labels have no part in it: the network is to answer as it does without noise.
    """

    name: ClassVar[str] = "stability"

    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The mean cross-entropy; ``network.module`` is a :class:`Denoised` network."""
        assert isinstance(network.module, Denoised)
        with torch.no_grad():
            answers = network.module.network(_clean(views[0], x)).argmax(dim=1)
        scores = network.scores(dealt(views, x))
        return BatchLoss(cross_entropy(scores, answers, label_smoothing=smoothing), scores, answers)


def _clean(view: NoisyInputs, x: Tensor) -> Tensor:
    """The images, read out where the network takes another shape than theirs."""
    shape = (int(x.shape[1]), int(x.shape[2]), int(x.shape[3]))
    operator = view.transformation.for_shape(shape)
    if operator.input_shape(shape) == shape:
        return x
    return operator.readout(operator.lift(x), shape)

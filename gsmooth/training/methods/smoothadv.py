"""SmoothAdv: adversarial examples of the smoothed classifier (Salman et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from gsmooth.training.methods.method import (
    BatchLoss,
    Method,
    TrainedNetwork,
    require_draws,
    require_positive,
)
from gsmooth.training.noise import LiftedViews, Noise, NoisyInputs


@final
@dataclass(frozen=True)
class SmoothAdv(Method):
    """Cross-entropy at points that an adversary moved by at most ``radius`` in z-space.

    The adversary ascends -log mean_i softmax f(z + e, noise_i) by projected gradient steps of
    length 2 * radius / steps, with the network in evaluation mode; then the network is trained on
    the moved points with the same draws of noise. In z-space a radius means the same for every
    transformation: it is the residual of a certificate's ball.

    Args:
        radius: l2 radius of the adversary, in units of the input range.
        steps: Gradient steps; a training step costs ``draws * (1 + steps)`` plain ones.
        draws: Draws of noise for each image.

    Example:
        >>> SmoothAdv(radius=0.5, steps=4)
        SmoothAdv(radius=0.5, steps=4, draws=1)
    """

    radius: float = 0.25
    steps: int = 2
    draws: int = 1
    name: ClassVar[str] = "smoothadv"

    def __post_init__(self) -> None:
        require_draws(self.name, self.draws)
        require_positive(self.name, radius=self.radius, steps=self.steps)

    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The mean cross-entropy at the moved points."""
        lifted = LiftedViews.of(views, x)
        noise = [lifted.noise() for _ in range(self.draws)]
        moved = self.adversary(network, lifted, noise, labels)
        scores = network.scores(torch.cat([lifted.inputs(one, moved) for one in noise]))
        loss = cross_entropy(scores, labels.repeat(self.draws), label_smoothing=smoothing)
        return BatchLoss(loss, scores[: len(x)], labels)

    def adversary(
        self,
        network: TrainedNetwork,
        lifted: LiftedViews,
        noise: Sequence[Sequence[Noise]],
        labels: Tensor,
    ) -> list[Tensor]:
        """The moved points (N, K) of every part, each within ``radius`` of the lifted image."""
        e = [torch.zeros_like(part.z) for part in lifted.parts]
        with _frozen(network.module), torch.enable_grad():
            for _ in range(self.steps):
                free = [one.requires_grad_() for one in e]
                points = [part.z + one for part, one in zip(lifted.parts, free, strict=True)]
                scores = network.scores(torch.cat([lifted.inputs(one, points) for one in noise]))
                shares = scores.softmax(dim=1).reshape(len(noise), len(labels), -1).mean(dim=0)
                tiny = torch.finfo(shares.dtype).tiny
                loss = nll_loss(shares.clamp_min(tiny).log(), labels, reduction="sum")
                slopes: Sequence[Tensor] = torch.autograd.grad(loss, free)
                e = [self._moved(one, slope) for one, slope in zip(free, slopes, strict=True)]
        return [part.z + one for part, one in zip(lifted.parts, e, strict=True)]

    def _moved(self, e: Tensor, slope: Tensor) -> Tensor:
        """One step of e (N, K) along the slope, back into the ball."""
        length: Tensor = slope.norm(dim=1, keepdim=True).clamp_min(torch.finfo(slope.dtype).tiny)
        moved: Tensor = e.detach() + (2.0 * self.radius / self.steps) * slope / length
        return moved * torch.clamp(self.radius / moved.norm(dim=1, keepdim=True), max=1.0)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients for parameters; both are put back."""
    modes = {part: part.training for part in module.modules()}
    free = [parameter for parameter in module.parameters() if parameter.requires_grad]
    module.eval()
    for parameter in free:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in free:
            parameter.requires_grad_(True)
        for part, training in modes.items():
            part.training = training

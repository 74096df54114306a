"""Macer: the certified radius itself, in the loss (Zhai et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

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
class Macer(Method):
    """-log of the smoothed probability, plus a hinge loss on the radius of right images.

    With the mean p of softmax(beta * scores) over the draws, A the largest class and B the second,
    the radius in standard deviations is xi / 2 with xi = Phi^-1(p_A) - Phi^-1(p_B). Images whose
    largest class is right and whose xi is at most ``gamma`` add weight * sigma / 2 * (gamma - xi).

    Args:
        weight: Factor of the hinge loss (lambda).
        gamma: xi from which on a larger radius gains nothing.
        beta: Inverse temperature; large values make soft votes nearly hard ones.
        draws: Draws of noise for each image; a step costs as much as so many plain ones.

    Example:
        >>> scores = torch.tensor([[[0.9, 0.1]], [[0.7, 0.3]]]).log()  # Two draws of one image.
        >>> round(Macer(gamma=4.0, beta=1.0).hinge(scores, torch.tensor([0])).item(), 3)
        2.317
    """

    weight: float = 12.0
    gamma: float = 8.0
    beta: float = 16.0
    draws: int = 16
    name: ClassVar[str] = "macer"

    def __post_init__(self) -> None:
        require_draws(self.name, self.draws)
        require_positive(self.name, weight=self.weight, gamma=self.gamma, beta=self.beta)

    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The mean loss; label smoothing is not used."""
        lifted = LiftedViews.of(views, x)
        seen = torch.cat([lifted.inputs(lifted.noise()) for _ in range(self.draws)])
        scores = network.scores(seen).reshape(self.draws, len(x), -1)
        shares = scores.softmax(dim=2).mean(dim=0)
        tiny = torch.finfo(shares.dtype).tiny
        plain = nll_loss(shares.clamp_min(tiny).log(), labels)
        hinge = self.hinge(scores, labels) * lifted.sigmas.to(scores) / 2.0
        return BatchLoss(plain + self.weight * hinge.mean(), scores[0], labels)

    def hinge(self, scores: Tensor, labels: Tensor) -> Tensor:
        """gamma - xi where that counts, else 0, (N,); scores (draws, N, classes)."""
        shares = (self.beta * scores).softmax(dim=2).mean(dim=0).double()
        first, second = shares.topk(2, dim=1).values.unbind(dim=1)
        xi = torch.special.ndtri(first) - torch.special.ndtri(second)
        counts = (shares.argmax(dim=1) == labels) & xi.isfinite() & (xi <= self.gamma)
        # Where p_A = 1 the quantile has no gradient: such images are left out before it is taken.
        safe = torch.where(counts, first, 0.5), torch.where(counts, second, 0.5)
        xi = torch.special.ndtri(safe[0]) - torch.special.ndtri(safe[1])
        return torch.where(counts, self.gamma - xi, 0.0).to(scores.dtype)

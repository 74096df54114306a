"""A half space whose smoothed classifier is known exactly: the class is the sign of one pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.models.classifier import Classifier

SHAPE = (1, 4, 4)
REGION = gs.Region(l2=0.25)
SIGMA = 0.25


class HalfSpace(nn.Module):
    """Class 1 where the first pixel is above 1/2, class 0 where it is below."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(8.0))

    def forward(self, x: Tensor) -> Tensor:
        score = self.slope * (x[:, 0, 0, 0] - 0.5)
        return torch.stack([-score, score], dim=1)


def smooth(
    net: nn.Module | Classifier | None = None, seed: int | gs.SecretSeed = 0
) -> gs.SmoothedClassifier:
    if isinstance(net, Classifier):
        return gs.SmoothedClassifier(net, "gaussian", sigma=SIGMA, seed=seed)
    module = HalfSpace() if net is None else net
    return gs.SmoothedClassifier(
        module, "gaussian", sigma=SIGMA, num_classes=2, input_shape=SHAPE, seed=seed
    )


def images(*first: float) -> Tensor:
    """Images whose first pixel has these values; 0.5 is on the border, where g abstains."""
    made = torch.full((len(first), *SHAPE), 0.5)
    made[:, 0, 0, 0] = torch.tensor(first)
    return made

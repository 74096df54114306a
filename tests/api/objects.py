"""A network whose answers are easy to predict, smoothed, for the tests of the Python API."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsmooth import SmoothedClassifier
from gsmooth.sampling.noise import Seed

SHAPE = (1, 4, 4)
SIGMA = 0.25


class Mean(nn.Module):
    """Class 1 where the mean of the pixels exceeds a half, else class 0."""

    def __init__(self, slope: float = 10.0) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 2)
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor([[-slope], [slope]]))
            self.linear.bias.copy_(torch.tensor([slope / 2, -slope / 2]))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(x.flatten(1).mean(dim=1, keepdim=True))
        return scores


def smoothed(net: nn.Module | None = None, *, seed: Seed | None = 0) -> SmoothedClassifier:
    """l2 noise on images of 4 x 4 pixels."""
    return SmoothedClassifier(
        net or Mean(), "gaussian", sigma=SIGMA, num_classes=2, input_shape=SHAPE, seed=seed
    )


def images() -> Tensor:
    """Four images: bright, dark, nearly in between, and less bright."""
    values = torch.tensor([1.0, 0.0, 0.52, 0.9]).reshape(4, 1, 1, 1)
    return values.expand(4, *SHAPE).clone()

"""Small predictors for the tests of serving."""

from __future__ import annotations

from threading import Event
from typing import final

import torch
from torch import Tensor, nn

from gsmooth import Predictor, SecretSeed, SmoothedClassifier
from tests.api.objects import SHAPE, SIGMA, Mean, smoothed

SECRET = SecretSeed(0x0123456789ABCDEF0123456789ABCDEF)


@final
class Gate(nn.Module):
    """The network of the tests of the API; it waits for ``open`` before each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = Mean()

    def forward(self, x: Tensor) -> Tensor:
        OPEN.wait()
        scores: Tensor = self.mean(x)
        return scores


@final
class Fragile(nn.Module):
    """The same, with scores that are no numbers for very bright images."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = Mean()

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.mean(x)
        bright = x.flatten(1).mean(dim=1, keepdim=True) > 0.8
        return torch.where(bright, torch.full_like(scores, float("nan")), scores)


OPEN = Event()
"""Whether :class:`Gate` lets batches through; a module is copied, so it is no part of one."""
OPEN.set()


def secret(net: nn.Module | None = None) -> SmoothedClassifier:
    """l2 noise on images of 4 x 4 pixels, under a secret seed that the tests know."""
    return smoothed(net, seed=SECRET)


def predictor(net: nn.Module | None = None, max_waiting: int = 256) -> Predictor:
    return Predictor(secret(net), max_votes=200, max_waiting=max_waiting)


def grey(*levels: float) -> Tensor:
    """Images of one grey level each."""
    values = torch.tensor(levels, dtype=torch.float64).reshape(-1, 1, 1, 1)
    return values.expand(-1, *SHAPE).clone()


__all__ = ["OPEN", "SECRET", "SIGMA", "Fragile", "Gate", "grey", "predictor", "secret"]

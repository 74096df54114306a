"""The networks of this benchmark, as factories for ``model.spec``: inference form, norms folded."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from torch import Tensor, nn

from gsmooth.models.zoo.networks import fused, small_cnn

SAMPLES: Final = 1024
VOWELS: Final = 5
ORDERS: Final = 12


def digits() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10), to be filled with weights that :mod:`training` saved."""
    return fused(digits_to_train())


def torus_digits() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10) for digits anywhere on a torus."""
    return fused(torus_digits_to_train())


def faint_digits() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10) for digits that are little more than a shadow."""
    return faint_digits_to_train()


def waves() -> nn.Sequential:
    """(N, 1, 1, 1024) -> (N, 5), to be filled with weights that :mod:`training` saved."""
    return fused(waves_to_train())


def digits_to_train() -> nn.Sequential:
    """The network of the shipped cards, with its batch norms."""
    return small_cnn((24, 48, 48, 64), classes=10, channels=1, size=28)


def faint_digits_to_train() -> nn.Sequential:
    """Two hidden layers behind :class:`LowFrequencies`."""
    return nn.Sequential(
        LowFrequencies(),
        *_layer(ORDERS**2, 256),
        *_layer(256, 128),
        nn.Dropout(0.2),
        nn.Linear(128, 10),
    )


def torus_digits_to_train() -> nn.Sequential:
    """Cyclic convolutions, then the largest of each feature: it hardly matters where a digit is."""
    return nn.Sequential(
        *_cyclic(1, 16, kernel=5, stride=2),
        *_cyclic(16, 32, kernel=3, stride=1),
        *_cyclic(32, 64, kernel=3, stride=2),
        *_cyclic(64, 128, kernel=3, stride=1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128, 10),
    )


def waves_to_train() -> nn.Sequential:
    """Four convolutions along time, each of them a quarter or half as long as the one before."""
    return nn.Sequential(
        *_block(1, 16, kernel=31, stride=4),
        *_block(16, 32, kernel=9, stride=4),
        *_block(32, 32, kernel=5, stride=2),
        *_block(32, 48, kernel=5, stride=2),
        nn.AdaptiveAvgPool2d((1, 4)),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(4 * 48, VOWELS),
    )


def _layer(given: int, made: int) -> list[nn.Module]:
    return [nn.Linear(given, made, bias=False), nn.BatchNorm1d(made), nn.ReLU(inplace=True)]


def _cyclic(given: int, made: int, *, kernel: int, stride: int) -> list[nn.Module]:
    around = nn.Conv2d(
        given, made, kernel, stride, kernel // 2, bias=False, padding_mode="circular"
    )
    return [around, nn.BatchNorm2d(made), nn.ReLU(inplace=True)]


def _block(given: int, made: int, *, kernel: int, stride: int) -> list[nn.Module]:
    along = nn.Conv2d(given, made, (1, kernel), (1, stride), (0, kernel // 2), bias=False)
    return [along, nn.BatchNorm2d(made), nn.ReLU(inplace=True)]


@final
class LowFrequencies(nn.Module):
    """asinh of cosine coefficients over ``floor``, the ORDERS lowest on each axis; (N, orders^2).

    A wide blur leaves a digit little else, each a factor of its own: the logarithm that asinh is
    beyond the floor makes summands of these factors. x (N, 1, 28, 28).
    """

    floor = 0.01

    def __init__(self, orders: int = ORDERS, size: int = 28) -> None:
        super().__init__()
        order, place = torch.arange(orders)[:, None], torch.arange(size)[None]
        waves = torch.cos(math.pi * order * (2 * place + 1) / (2 * size)) * math.sqrt(2.0 / size)
        waves[0] /= math.sqrt(2.0)
        self.register_buffer("waves", waves, persistent=False)
        self.waves: Tensor

    def forward(self, x: Tensor) -> Tensor:
        found = self.waves @ x[:, 0] @ self.waves.T
        return torch.asinh(found.flatten(1) / self.floor)

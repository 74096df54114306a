"""The denoiser of the zoo, and a network behind one (Salman et al. 2020)."""

from __future__ import annotations

from typing import Self, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsmooth.models.zoo.networks import PLAIN


@final
class Denoiser(nn.Module):
    """A small U-Net that predicts the noise and subtracts it.

    Maps images (N, C, H, W), float32, to images of the same shape. At the start it is the identity:
    the layer that makes the correction begins with zeros.

    Args:
        channels: Channels of the images.
        width: Channels of the first level; the two below have twice and four times as many.
    """

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.enter = _double(channels, width)
        self.down = nn.ModuleList([_double(width, 2 * width), _double(2 * width, 4 * width)])
        self.up = nn.ModuleList([_double(6 * width, 2 * width), _double(3 * width, width)])
        self.leave = nn.Conv2d(width, channels, 3, padding=1, **PLAIN)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) with less noise."""
        levels = [self.enter(x)]
        for down in self.down:
            levels.append(down(functional.avg_pool2d(levels[-1], 2, ceil_mode=True)))
        seen = levels.pop()
        for up in self.up:
            beside = levels.pop()
            seen = functional.interpolate(seen, size=beside.shape[2:], mode="nearest")
            seen = up(torch.cat([seen, beside], dim=1))
        correction: Tensor = self.leave(seen)
        return x + correction


@final
class Denoised(nn.Module):
    """A network with a denoiser in front of it; the network stays as it is.

    It is always in evaluation mode, and its parameters have no gradients.

    Args:
        denoiser: Maps images to images of the same shape.
        network: Maps images to scores (N, classes).
    """

    def __init__(self, denoiser: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.network = network.eval()
        for parameter in network.parameters():  # TorchScript has no requires_grad_ of its own.
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Put the denoiser into training mode; the network stays in evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, classes) of images (N, C, H, W)."""
        scores: Tensor = self.network(self.denoiser(x))
        return scores


def learnt_part(module: nn.Module) -> nn.Module:
    """What training changes: the denoiser of a :class:`Denoised` network, else all of it."""
    return module.denoiser if isinstance(module, Denoised) else module


def _double(given: int, made: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs in (given, made):
        layers += [
            nn.Conv2d(inputs, made, 3, padding=1, bias=False, **PLAIN),
            nn.BatchNorm2d(made, **PLAIN),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)

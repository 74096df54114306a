"""Residual networks for timing: ResNet-20 for 32 x 32 and ResNet-50 for 224 x 224 images.

Written from He et al. (2016), with random weights: how fast a network is does not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn


def resnet20(classes: int = 10) -> nn.Module:
    """The ResNet-20 of section 4.2: three stages of three basic blocks, 16 to 64 channels."""
    stem = [*_convolution(3, 16, 3, 1), nn.ReLU()]
    blocks = [
        Residual(
            [*_convolution(before, after, 3, stride), nn.ReLU(), *_convolution(after, after, 3, 1)],
            _shortcut(before, after, stride),
        )
        for before, after, stride in _stages(16, (16, 32, 64), (3, 3, 3))
    ]
    return nn.Sequential(
        *stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes)
    )


def resnet50(classes: int = 1000, widths: Sequence[int] = (64, 128, 256, 512)) -> nn.Module:
    """The ResNet-50 of Table 1, with the stride in the 3 x 3 convolution as everyone has it.

    widths: of the four stages; smaller ones make a small network of the same build, for tests.
    """
    outputs = tuple(4 * width for width in widths)
    stem = [*_convolution(3, widths[0], 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks = [
        Residual(_bottleneck(before, after // 4, stride), _shortcut(before, after, stride))
        for before, after, stride in _stages(widths[0], outputs, (3, 4, 6, 3))
    ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(outputs[-1], classes)]
    return nn.Sequential(*stem, *blocks, *head)


@final
class Residual(nn.Module):
    """relu(inner(x) + shortcut(x))."""

    def __init__(self, inner: Sequence[nn.Module], shortcut: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return torch.relu(self.inner(x) + self.shortcut(x))


def _stages(
    channels: int, outputs: Sequence[int], lengths: Sequence[int]
) -> list[tuple[int, int, int]]:
    """(channels before, after, stride) of every block; all stages but the first halve the image."""
    found = []
    for stage, (after, length) in enumerate(zip(outputs, lengths, strict=True)):
        for block in range(length):
            found.append((channels, after, 2 if block == 0 and stage > 0 else 1))
            channels = after
    return found


def _bottleneck(before: int, width: int, stride: int) -> list[nn.Module]:
    return [
        *_convolution(before, width, 1, 1),
        nn.ReLU(),
        *_convolution(width, width, 3, stride),
        nn.ReLU(),
        *_convolution(width, 4 * width, 1, 1),
    ]


def _shortcut(before: int, after: int, stride: int) -> nn.Module:
    if before == after and stride == 1:
        return nn.Identity()
    return nn.Sequential(*_convolution(before, after, 1, stride))


def _convolution(before: int, after: int, size: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]

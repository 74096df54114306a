"""Architectures of the shipped models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

PLAIN: Final[Mapping[str, Any]] = {"dtype": torch.float32, "device": "cpu"}
"""What layers are made with, whatever torch's defaults are."""


def small_cnn(
    widths: tuple[int, int, int, int] = (24, 48, 48, 64),
    classes: int = 10,
    channels: int = 1,
    size: int = 28,
) -> nn.Sequential:
    """A four-layer convolutional network for images of a few thousand pixels.

    (N, channels, size, size) float32 in [0, 1] -> (N, classes) logits. Inputs behind a lift and
    noise leave [0, 1]; nothing is clipped. Normalization is the first batch norm.
    """
    first, second, third, fourth = widths
    side = -(-size // 4)
    network = nn.Sequential(
        *_block(channels, first, kernel=5, stride=2),
        *_block(first, second, kernel=3, stride=1),
        *_block(second, third, kernel=3, stride=2),
        *_block(third, fourth, kernel=3, stride=1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(fourth * side * side, classes, **PLAIN),
    )
    # Convolutions of few channels run a quarter faster on CPUs in this layout.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fused(network: nn.Sequential) -> nn.Sequential:
    """The network in eval mode with every batch norm folded into the convolution before it.

    The same function up to float32 rounding, and a fifth faster; for inference only.
    """
    layers: list[nn.Module] = []
    for layer in network.eval():
        if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def _block(given: int, made: int, *, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(given, made, kernel, stride, kernel // 2, bias=False, **PLAIN)
    return [convolution, nn.BatchNorm2d(made, **PLAIN), nn.ReLU(inplace=True)]

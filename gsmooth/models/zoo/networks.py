"""Architectures of the shipped models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

PLAIN: Final[Mapping[str, Any]] = {"dtype": torch.float32, "device": "cpu"}
"""Type and device of new layers, independent of torch's defaults."""


@final
class Standardize(nn.Module):
    """(x - mean) / sqrt(variance + floor^2), over all pixels and channels of each image.

    Maps (N, C, H, W) to (N, C, H, W). For photographs in sun and in shade: mean and contrast of a
    noisy, low-passed image are still those of the photograph.

    Args:
        floor: Standard deviation below which an image keeps a low contrast.
    """

    def __init__(self, floor: float = 0.1) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, x: Tensor) -> Tensor:
        """Standardize each image."""
        variance, mean = torch.var_mean(x, dim=(1, 2, 3), correction=0, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.floor**2)


def small_cnn(
    widths: tuple[int, int, int, int] = (24, 48, 48, 64),
    classes: int = 10,
    channels: int = 1,
    size: int = 28,
) -> nn.Sequential:
    """Build a four-layer convolutional network for images of a few thousand pixels.

    It maps images (N, channels, size, size), float32, to scores (N, classes). The first batch norm
    is the normalization. Noisy inputs outside [0, 1] are not clipped.

    Args:
        widths: Channels of the four layers.
        classes: Number of classes.
        channels: Channels of the images.
        size: Height and width of the images, px.
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
    """Fold every batch norm into the convolution before it, for inference only.

    Args:
        network: A network that :func:`small_cnn` built.

    Returns:
        A network in evaluation mode: the same function up to float32 rounding, a fifth faster.
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

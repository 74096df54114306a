"""A network of inverted residual blocks (Sandler et al. 2018): the plan of EfficientNet-Lite0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsmooth.errors import ModelError
from gsmooth.models.zoo.networks import PLAIN, Standardize

STEM: Final = 32


@final
@dataclass(frozen=True)
class Stage:
    """Blocks of one size: how many, their channels, kernel, and the stride of the first of them."""

    blocks: int
    channels: int
    kernel: int
    stride: int


STAGES: Final = (
    Stage(1, 16, 3, 1),
    Stage(2, 24, 3, 2),
    Stage(2, 40, 5, 2),
    Stage(3, 80, 3, 2),
    Stage(3, 112, 5, 1),
    Stage(4, 192, 5, 2),
    Stage(1, 320, 3, 1),
)
"""Table 1 of Tan and Le 2019, without its squeezes: this is the Lite form."""
BLOCKS: Final = sum(stage.blocks for stage in STAGES)
EXPANSION: Final = 6
EPSILON: Final = 1e-3


@final
class MobileNetwork(nn.Module):
    """The first blocks of EfficientNet-Lite0, and the mean over places.

    Maps images (N, C, H, W), float32, to scores (N, classes). The first layer is a batch norm: it
    is the normalization, so noisy inputs outside of the input range are not clipped. Images smaller
    than 48 x 48 pixels are enlarged twice. With weights that were trained on photographs it learns
    a few thousand images much faster than a network with random weights.

    Args:
        classes: Number of classes.
        shape: Shape (C, H, W) of an image.
        width: Channels of the first layer; those of the others are in proportion.
        blocks: How many of the 16 blocks there are; 8 have 254,000 parameters.
        standardize: Each image gets the mean 0 and about the same contrast first.

    Raises:
        ModelError: ``blocks`` is not in 1..16.
    """

    def __init__(
        self,
        classes: int,
        shape: tuple[int, int, int],
        width: int = STEM,
        blocks: int = 8,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        if not 1 <= blocks <= BLOCKS:
            raise ModelError(f"blocks={blocks} must be in 1..{BLOCKS}")
        channels, height, width_px = shape
        self.enlarge = 2.0 if height * width_px < 48 * 48 else 1.0
        self.standardize = Standardize() if standardize else nn.Identity()
        self.normalization = nn.BatchNorm2d(channels, **PLAIN)
        self.stem = _layer(channels, width, 3, stride=2)
        made = width
        parts: list[nn.Module] = []
        for stage, stride in _plan(blocks):
            given, made = made, round(stage.channels * width / STEM)
            parts.append(Inverted(given, made, stage.kernel, stride, 1 if not parts else EXPANSION))
        self.blocks = nn.Sequential(*parts)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(made, classes, **PLAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, classes) of images (N, C, H, W)."""
        # Convolutions of single channels are half as fast in the other layout.
        x = self.normalization(self.standardize(x)).contiguous(memory_format=torch.channels_last)
        if self.enlarge != 1.0:
            x = functional.interpolate(x, scale_factor=self.enlarge, mode="bilinear")
        seen = self.blocks(self.stem(x))
        scores: Tensor = self.head(self.dropout(seen.mean(dim=(2, 3))))
        return scores


@final
class Inverted(nn.Module):
    """Wider by a factor, a convolution of each channel by itself, and narrow again."""

    def __init__(self, given: int, made: int, kernel: int, stride: int, factor: int) -> None:
        super().__init__()
        inner = factor * given
        wide = [] if factor == 1 else [_layer(given, inner, 1)]
        self.inner = nn.Sequential(
            *wide,
            _layer(inner, inner, kernel, stride=stride, groups=inner),
            nn.Conv2d(inner, made, 1, bias=False, **PLAIN),
            _norm(made),
        )
        self.shortcut = stride == 1 and given == made

    def forward(self, x: Tensor) -> Tensor:
        """(N, given, H, W) -> (N, made, H / stride, W / stride)."""
        seen: Tensor = self.inner(x)
        return seen + x if self.shortcut else seen


@final
class Padded(nn.Module):
    """Zeros around an image, of which a strided convolution leaves ceil(side / stride) places.

    An odd row or column of them is at the bottom and right, as in TensorFlow, from which the
    published weights come.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Pad (N, C, H, W)."""
        below = [self._zeros(int(side)) for side in (x.shape[3], x.shape[2])]
        ends = [part for zeros in below for part in (zeros // 2, zeros - zeros // 2)]
        return functional.pad(x, ends)

    def _zeros(self, side: int) -> int:
        places = -(-side // self.stride)
        return max(0, (places - 1) * self.stride + self.kernel - side)


def _plan(blocks: int) -> list[tuple[Stage, int]]:
    """Stage and stride of each block."""
    every = [
        (stage, stage.stride if place == 0 else 1)
        for stage in STAGES
        for place in range(stage.blocks)
    ]
    return every[:blocks]


def _layer(given: int, made: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    convolution = nn.Conv2d(given, made, kernel, stride, groups=groups, bias=False, **PLAIN)
    around = [] if kernel == 1 else [Padded(kernel, stride)]
    return nn.Sequential(*around, convolution, _norm(made), nn.ReLU6(inplace=True))


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=EPSILON, **PLAIN)

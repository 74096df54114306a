"""Residual networks of the zoo, for images and for images in polar coordinates."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsmooth.models.zoo.networks import PLAIN


class ResidualNetwork(nn.Module):
    """A small residual network: a stem, three stages of two blocks, and the mean over places.

    Maps images (N, C, H, W), float32, to scores (N, classes). The first layer is a batch norm: it
    is the normalization, so noisy inputs outside of the input range are not clipped. Images of at
    least 48 x 48 pixels are halved in the stem, and each later stage halves them again.

    Args:
        classes: Number of classes.
        shape: Shape (C, H, W) of an image.
        width: Channels of the first stage; the others have twice and four times as many.
        circular: The last axis is a circle: convolutions wrap around it.
    """

    def __init__(
        self, classes: int, shape: tuple[int, int, int], width: int = 16, circular: bool = False
    ) -> None:
        super().__init__()
        channels, height, width_px = shape
        stride = 2 if height * width_px >= 48 * 48 else 1
        self.stem = nn.Sequential(
            nn.BatchNorm2d(channels, **PLAIN),
            convolution(channels, width, stride=stride, circular=circular, kernel=5),
            nn.BatchNorm2d(width, **PLAIN),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential(
            *_stage(width, width, 1, circular),
            *_stage(width, 2 * width, 2, circular),
            *_stage(2 * width, 4 * width, 2, circular),
        )
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(4 * width, classes, **PLAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, classes) of images (N, C, H, W)."""
        # Strided convolutions of 8 channels crash PyTorch 2.13 on CPUs in the layout channels_last.
        seen = self.stages(self.stem(x.contiguous()))
        scores: Tensor = self.head(self.dropout(seen.mean(dim=(2, 3))))
        return scores


@final
class PolarNetwork(nn.Module):
    """A residual network on the image in polar coordinates, where a rotation is a shift.

    The image is sampled at rings and angles inside; convolutions wrap around the angle, and the
    mean over all angles ignores where the image is turned to. The corners outside of the inscribed
    circle are not seen: the lift of a rotation removes them anyway.

    Args:
        classes: Number of classes.
        shape: Shape (C, H, W) of an image.
        width: Channels of the first stage.
    """

    grid: Tensor

    def __init__(self, classes: int, shape: tuple[int, int, int], width: int = 16) -> None:
        super().__init__()
        channels, height, width_px = shape
        grid = polar_grid(height, width_px)
        self.register_buffer("grid", grid, persistent=False)
        rings, angles = grid.shape[1:3]
        # The place along the radius is told apart by a second input.
        self.network = ResidualNetwork(classes, (channels + 1, rings, angles), width, circular=True)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, classes) of images (N, C, H, W)."""
        grid = self.grid.to(x.dtype).expand(len(x), -1, -1, -1)
        seen = functional.grid_sample(x, grid, mode="bilinear", align_corners=False)
        radius = torch.linspace(-1.0, 1.0, seen.shape[2], dtype=x.dtype, device=x.device)
        place = radius[:, None].expand(len(x), 1, *seen.shape[2:])
        scores: Tensor = self.network(torch.cat([seen, place], dim=1))
        return scores


def polar_grid(height: int, width: int) -> Tensor:
    """Places of rings and angles for ``grid_sample``, (1, rings, angles, 2), (x, y) in [-1, 1].

    Rings are a pixel apart up to the inscribed circle. The angles are a multiple of 8, about a
    pixel apart on the outer half.

    Args:
        height: Height of the image, px.
        width: Width of the image, px.
    """
    radius = min(height, width) / 2.0
    rings = max(1, int(radius))
    angles = 8 * max(1, round(1.5 * math.pi * radius / 8.0))
    r = torch.arange(rings, dtype=torch.float64, device="cpu") + 0.5
    angle = torch.arange(angles, dtype=torch.float64, device="cpu") * (2.0 * math.pi / angles)
    x = r[:, None] * angle.cos() / (width / 2.0)
    y = r[:, None] * angle.sin() / (height / 2.0)
    return torch.stack([x, y], dim=-1)[None].to(torch.float32)


@final
class Block(nn.Module):
    """Two convolutions and what goes around them."""

    def __init__(self, given: int, made: int, stride: int, circular: bool) -> None:
        super().__init__()
        self.first = convolution(given, made, stride=stride, circular=circular)
        self.first_norm = nn.BatchNorm2d(made, **PLAIN)
        self.second = convolution(made, made, circular=circular)
        self.second_norm = nn.BatchNorm2d(made, **PLAIN)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or given != made:
            self.around = nn.Sequential(
                nn.Conv2d(given, made, 1, stride, bias=False, **PLAIN),
                nn.BatchNorm2d(made, **PLAIN),
            )

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways, (N, made, H / stride, W / stride)."""
        seen = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(seen)) + self.around(x))


@final
class WrappedConvolution(nn.Module):
    """A convolution whose last axis is a circle; zeros lie beyond the ends of the other one."""

    def __init__(self, given: int, made: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.pad = kernel // 2
        self.inner = nn.Conv2d(given, made, kernel, stride, bias=False, **PLAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, given, rings, angles)."""
        x = functional.pad(x, (self.pad, self.pad, 0, 0), mode="circular")
        convolved: Tensor = self.inner(functional.pad(x, (0, 0, self.pad, self.pad)))
        return convolved


def convolution(
    given: int, made: int, *, stride: int = 1, circular: bool = False, kernel: int = 3
) -> nn.Module:
    """A convolution that keeps the size, divided by the stride."""
    if circular:
        return WrappedConvolution(given, made, kernel, stride)
    return nn.Conv2d(given, made, kernel, stride, kernel // 2, bias=False, **PLAIN)


def _stage(given: int, made: int, stride: int, circular: bool) -> list[nn.Module]:
    return [Block(given, made, stride, circular), Block(made, made, 1, circular)]

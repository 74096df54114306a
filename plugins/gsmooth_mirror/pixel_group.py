"""The base class of finite groups that permute the pixels of an image."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from gsmooth import Transformation
from gsmooth.geometry.pixels import known_size
from gsmooth_mirror.bounds import PixelGroupBounds


@dataclass(frozen=True)
class PixelGroup(Transformation):
    """A finite group of permutations of pixels; attack and action are the same (T7).

    Every T_theta moves pixels without interpolation, so it is orthogonal, the residual is 0 and
    float64 rounds nothing. Parameters are whole numbers, and the noise on them is Haar noise: every
    element of the group with the same probability.
    """

    image_px: tuple[int, int] | None = field(default=None, kw_only=True)

    orthogonal: ClassVar[bool] = True
    bounds_class = PixelGroupBounds

    @abstractmethod
    def elements(self, height: int, width: int) -> Tensor:
        """Sources of all pixels under every element, (elements, H * W) int64; the identity first.

        Pixel p of T_g x is pixel elements[g, p] of x.
        """

    @abstractmethod
    def number(self, *theta: Tensor) -> Tensor:
        """The number of every element in ``elements``: theta (N,) int64 each -> (N,)."""

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """The group for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: pixels moved, row by row; z (N, K), theta (N, 1) -> (N, K).

        A fraction stands for the nearest whole number: ends of regions may be fractions.
        """
        sources = self.elements(*self.size_px).to(z.device)
        number = self.number(*(v.detach().reshape(-1).round().to(torch.int64) for v in theta))
        channels = z.reshape(len(z), -1, sources.shape[1])
        chosen = sources[number][:, None].expand(channels.shape)
        return channels.gather(2, chosen).reshape(z.shape)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi = T on the pixels; ValueError for fractions, which are no attacks."""
        for value in theta:
            if bool((value != value.round()).any()):
                fraction = float(value[value != value.round()][0].detach())
                raise ValueError(f"{self.name}: {fraction:g} is no whole number of moves")
        return super().attack(x, *theta)

    @property
    def exact(self) -> bool:
        """True: the attack is the action."""
        return True

    def fixed_part(self, z: Tensor) -> Tensor:
        """The mean over the group: the projection on images that no element changes."""
        sources = self.elements(*self.size_px).to(z.device)
        channels = z.reshape(len(z), -1, sources.shape[1])
        return channels[:, :, sources].mean(dim=2).reshape(z.shape)

    @property
    def z_space(self) -> str:
        """The pixels, by the name of the group: elements of two groups need not commute."""
        return f"pixels under {self}"

    def keeps_range(self, low: float, high: float) -> bool:
        """True: pixels keep their values."""
        return True

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width; ValueError before ``for_shape``."""
        return known_size(self.name, self.image_px)

"""Pixels as z-space: for covers without noise on the parameters (T = id)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gsmooth.geometry.pixels import disc
from gsmooth.geometry.space import Size, Space


@dataclass(frozen=True)
class PixelSpace(Space):
    """L keeps some of the pixels, channel by channel; no low-pass, and ||L|| = 1.

    Interpolated images do not compose, so there is no action here but the identity. Subclasses say
    which pixels are kept and how fast they change, and the ``alternative``: the option of ``space``
    under which there is an action.
    """

    alternative: ClassVar[str]

    @abstractmethod
    def kept(self, height: int, width: int) -> Tensor:
        """Flat indices (P,) of the pixels that are kept, ascending, on the CPU."""

    def norm(self, shape: Size) -> float:
        """||L|| of a mask."""
        return 1.0

    def lift(self, x: Tensor) -> Tensor:
        """The pixels that are kept, (N, C, H, W) -> (N, C * P)."""
        return x.flatten(2)[:, :, self.pixels(x)].flatten(1)

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """The image with zeros at all other pixels."""
        out = z.new_zeros(len(z), *shape)
        out.flatten(2)[:, :, self.pixels(out)] = z.reshape(len(z), shape[0], -1)
        return out

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """z itself for theta = 0; anything else raises ValueError."""
        if any(bool((value != 0.0).any()) for value in theta):
            raise ValueError(
                "there is no exact action in pixels; give no scales (no noise on the parameters),"
                f" or space={self.alternative!r}"
            )
        return z.clone()

    def fixed_part(self, z: Tensor) -> Tensor:
        """All of it: nothing but T_0 acts."""
        return z

    def longest(self, half: Tensor) -> Tensor:
        """A mask: ||L v|| <= ||L half||."""
        longest: Tensor = self.lift(half).norm(dim=1)
        return longest

    def pixels(self, images: Tensor) -> Tensor:
        """Which pixels of images (N, C, H, W) are kept, (P,), on their device."""
        return self.kept(images.shape[2], images.shape[3]).to(images.device)


@dataclass(frozen=True)
class DiscSpace(PixelSpace):
    """L keeps the pixels whose centre is within radius_px of the image's."""

    radius_px: float

    def kept(self, height: int, width: int) -> Tensor:
        """The pixels of the disc."""
        return disc(height, width, self.radius_px)

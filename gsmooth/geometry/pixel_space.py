"""z-spaces of pixels, for covers without noise on the parameters (T = id)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gsmooth.geometry.pixels import disc
from gsmooth.geometry.space import Size, Space


@dataclass(frozen=True)
class PixelSpace(Space):
    """A z-space in which L keeps some of the pixels; there is no low-pass, and ||L|| = 1.

    Interpolated images do not compose, so the only action is the identity. Subclasses define the
    pixels to keep, bounds on their derivatives, and ``alternative``: the value of the option
    ``space`` for which there is an action.
    """

    alternative: ClassVar[str]

    @abstractmethod
    def kept(self, height: int, width: int) -> Tensor:
        """Return the flat indices (P,) of the pixels that L keeps, ascending, on the CPU."""

    def norm(self, shape: Size) -> float:
        """Return ||L|| = 1."""
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
        """Return z: the only action is T_0."""
        return z

    def longest(self, half: Tensor) -> Tensor:
        """Return ||L half||, which bounds ||L v||, since L keeps pixels."""
        longest: Tensor = self.lift(half).norm(dim=1)
        return longest

    def pixels(self, images: Tensor) -> Tensor:
        """Return the flat indices (P,) of the pixels that L keeps, on the device of ``images``."""
        return self.kept(images.shape[2], images.shape[3]).to(images.device)


@dataclass(frozen=True)
class DiscSpace(PixelSpace):
    """The pixels whose centre is within radius_px of the image's centre."""

    radius_px: float

    def kept(self, height: int, width: int) -> Tensor:
        """The pixels of the disc."""
        return disc(height, width, self.radius_px)

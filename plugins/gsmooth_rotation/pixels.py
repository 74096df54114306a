"""The pixels of a disc as z-space: for covers without noise on the angle (T = id)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.geometry.pixels import disc
from gsmooth_rotation.bounds import derivative_chunks
from gsmooth_rotation.space import NUMERICAL, in_narrow_cells


@final
@dataclass(frozen=True)
class PixelSpace:
    """L keeps the pixels of the disc, channel by channel; no low-pass, and ||L|| = 1.

    A bilinearly rotated image does not compose, so there is no action here but the identity.
    """

    radius_px: float

    def norm(self, shape: tuple[int, int, int]) -> float:
        """||L|| of a mask."""
        return 1.0

    def lift(self, x: Tensor) -> Tensor:
        """The disc's pixels, (N, C, H, W) -> (N, C * P)."""
        return x.flatten(2)[:, :, self._disc(x)].flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """The image with zeros around the disc."""
        pixels = disc(shape[1], shape[2], self.radius_px).to(z.device)
        out = z.new_zeros(len(z), shape[0], shape[1] * shape[2])
        out[:, :, pixels] = z.reshape(len(z), shape[0], -1)
        return out.reshape(-1, *shape)

    def act(self, z: Tensor, angle: Tensor) -> Tensor:
        """z itself for angle 0; any other angle raises ValueError."""
        if bool((angle != 0.0).any()):
            raise ValueError(
                "rotation: there is no exact action in pixels; give no scales (no noise on the"
                " angle), or space='polar'"
            )
        return z.clone()

    def fixed_part(self, z: Tensor) -> Tensor:
        """All of it: no angle but 0 acts."""
        return z

    def action_derivative(self, z: Tensor) -> None:
        """There is no action to have a speed."""
        return None

    def action_error(self, z: Tensor, reach: float, offset: float) -> float:
        """The identity has no error."""
        return 0.0

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> None:
        """Nothing can be pulled back."""
        return None

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """|| sup_theta |psi'_p| ||_2 over the disc's pixels p and channels (C3)."""
        pixels = self._disc(x)
        slack = NUMERICAL * (1.0 + float(x.norm()))

        def bound(low: Tensor, high: Tensor) -> Tensor:
            squares = [
                torch.maximum(least.neg_(), most).square_().sum(dim=(0, 2))
                for _, least, most in derivative_chunks(x[0], pixels, low, high)
            ]
            return torch.cat(squares).sqrt() + slack

        return in_narrow_cells(bound, x.shape[1:], pixels, lower, upper)

    def _disc(self, x: Tensor) -> Tensor:
        return disc(x.shape[2], x.shape[3], self.radius_px).to(x.device)

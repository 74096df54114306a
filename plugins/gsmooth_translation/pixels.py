"""The pixels themselves as z-space: for covers without noise on the shift (T = id)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor

from gsmooth_translation.shifts import Padding


@final
@dataclass(frozen=True)
class PixelSpace:
    """L keeps the pixels inside the blanked frame; no low-pass, and ||L|| = 1.

    A bilinearly shifted image does not compose, so there is no action here but the identity.
    """

    height: int
    width: int
    frame_px: int

    @property
    def norm(self) -> float:
        """||L|| of a mask."""
        return 1.0

    def lift(self, x: Tensor) -> Tensor:
        """The pixels that are not blanked, (N, C, H, W) -> (N, C * K)."""
        frame = self.frame_px
        return x[..., frame : self.height - frame, frame : self.width - frame].flatten(1)

    def readout(self, z: Tensor) -> Tensor:
        """The image with a frame of zeros."""
        frame = self.frame_px
        inner = z.reshape(len(z), -1, self.height - 2 * frame, self.width - 2 * frame)
        return F.pad(inner, (frame, frame, frame, frame))

    def act(self, z: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """z itself for shifts of 0; any other shift raises ValueError."""
        if bool((dx != 0.0).any()) or bool((dy != 0.0).any()):
            raise ValueError(
                "translation: there is no exact action in pixels; give no scales (no noise on the"
                " shift), or space='fourier'"
            )
        return z.clone()

    def fixed_part(self, z: Tensor) -> Tensor:
        """All of it: no shift but 0 acts."""
        return z

    def action_derivative(self, z: Tensor) -> None:
        """There is no action to have a speed."""
        return None

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """The identity has no error."""
        return 0.0

    def carried_bounds(self, x: Tensor, lower: Tensor, upper: Tensor, padding: Padding) -> None:
        """Nothing can be pulled back."""
        return None

"""The pixels of a disc as z-space: for covers without noise on the parameters (T = id)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.geometry.pixels import disc
from gsmooth_similarity.bounds import cut, flows
from gsmooth_similarity.space import ANGLE, NUMERICAL, RADIANS


@final
@dataclass(frozen=True)
class PixelSpace:
    """L keeps the pixels whose centre is within radius_px of the image's; ||L|| = 1.

    Bilinear warps do not compose, so there is no action here but the identity.
    """

    radius_px: float

    def norm(self, shape: tuple[int, int, int]) -> float:
        """||L|| of a mask."""
        return 1.0

    def lift(self, x: Tensor) -> Tensor:
        """The disc's pixels, (N, C, H, W) -> (N, C * P)."""
        return x.flatten(2)[:, :, self._disc((x.shape[2], x.shape[3]), x.device)].flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """The image with zeros around the disc."""
        out = z.new_zeros(len(z), shape[0], shape[1] * shape[2])
        out[:, :, self._disc(shape[1:], z.device)] = z.reshape(len(z), shape[0], -1)
        return out.reshape(-1, *shape)

    def act(self, z: Tensor, theta: Tensor) -> Tensor:
        """z itself for theta = 0; anything else raises ValueError."""
        if bool((theta != 0.0).any()):
            raise ValueError(
                "there is no exact action in pixels; give no scales (no noise on the parameters),"
                " or space='log-polar'"
            )
        return z.clone()

    def fixed_part(self, z: Tensor, axes: tuple[int, ...]) -> Tensor:
        """All of it: nothing but T_0 acts."""
        return z

    def action_derivative(self, z: Tensor, axes: tuple[int, ...]) -> None:
        """There is no action to have a speed."""
        return None

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """The identity has no error."""
        return 0.0

    def derivative_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, axes: tuple[int, ...]
    ) -> None:
        """Nothing can be pulled back."""
        return None

    def attack_derivative_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, axes: tuple[int, ...]
    ) -> Tensor:
        """|| sup |d psi_p / d theta_i| ||_2 over the disc's pixels p and channels (C3)."""
        shape = (x.shape[2], x.shape[3])
        pixels = self._disc(shape, x.device)
        unit = lower.new_tensor([RADIANS, 1.0])
        bound = lower.new_zeros(len(lower), len(axes))
        for low, high in cut(shape, pixels, lower * unit, upper * unit):
            for flow in flows(x[0], pixels, low, high, axes):
                derivatives = [
                    flow.largest(i).square().sum(dim=(0, 2)).sqrt() for i in range(len(axes))
                ]
                bound[flow.cells] = bound[flow.cells].maximum(torch.stack(derivatives, dim=1))
        return per_unit(bound + NUMERICAL * (1.0 + float(x.norm())), axes)

    def _disc(self, shape: tuple[int, int], device: torch.device) -> Tensor:
        return disc(*shape, self.radius_px).to(device)


def per_unit(bound: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Bounds (n, axes) per radian and per ln -> per degree and per ln, rounded outwards."""
    factors = [RADIANS * (1.0 + 1e-15) if axis == ANGLE else 1.0 for axis in axes]
    return bound * bound.new_tensor(factors)

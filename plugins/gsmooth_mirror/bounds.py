"""Bounds of finite groups of pixels: nothing is rounded, and nothing is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gsmooth import TransformationBounds

if TYPE_CHECKING:
    from gsmooth_mirror.pixel_group import PixelGroup as PixelGroup


class PixelGroupBounds(TransformationBounds["PixelGroup"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """0, since pixels are moved without arithmetic and whole numbers are exact."""
        return 0.0

    def action_derivative(self, z: Tensor) -> Tensor:
        """Bound ||T z - z|| for one step of each parameter, (N, K) -> (N, m).

        Further steps move z no faster: by the triangle inequality, k of them move it by at most k
        times the largest first step, over all that the other parameters can make of z.
        """
        every = self._orbit(z)
        found = []
        for axis in range(len(self.of.parameters)):
            step = [every.new_full((len(every), 1), float(i == axis)) for i in range(self._count)]
            moved = (self.of.act(every, *step) - every).norm(dim=1)
            found.append(moved.reshape(-1, len(z)).amax(dim=0))
        return torch.stack(found, dim=1) * (1.0 + 1e-9)

    def _orbit(self, z: Tensor) -> Tensor:
        """T_g z for every element g, (elements * N, K)."""
        sources = self.of.elements(*self.of.size_px).to(z.device)
        channels = z.reshape(len(z), -1, sources.shape[1])
        return torch.cat([channels[:, :, source].reshape(z.shape) for source in sources])

    @property
    def _count(self) -> int:
        return len(self.of.parameters)

"""Training inputs: images attacked at random, with the noise of certification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class NoisyInputs:
    """The map x -> Q round(T_theta L psi_gamma(x) + delta) on images x (N, C, H, W).

    psi is the attack, L the lift, T the action, Q the readout; round goes to multiples of ``grid``.
    Every image gets its own random gamma (attack), theta (noise on parameters) and delta (noise on
    z). They come from PyTorch's global generator, in the dtype of x.

    Args:
        transformation: The transformation.
        law: Law of theta and delta; a law without dimensions means T = id.
        region: The region of attacks.
        widen: Factor of the region: gamma is uniform in the region scaled by it.
        grid: Step of the grid to which noisy inputs are rounded; 0 for no rounding.
    """

    transformation: Transformation
    law: Law
    region: Region
    widen: float
    grid: float

    def __call__(self, x: Tensor) -> Tensor:
        shape = (int(x.shape[1]), int(x.shape[2]), int(x.shape[3]))
        operator = self.transformation.for_shape(shape)
        if self.region.dimensions:
            x = operator.attack(x, *self._attack_parameters(x))
        z = operator.lift(x)
        if self.law.dimensions:
            z = operator.act(z, *self._noise_parameters(x))
        z = z + self.law.sigma * torch.randn_like(z)
        if self.grid > 0.0:
            z = (z / self.grid).round() * self.grid
        return operator.readout(z, shape)

    def _attack_parameters(self, x: Tensor) -> list[Tensor]:
        parameters = self.transformation.parameters
        ends = zip(parameters, self.region.lower, self.region.upper, strict=True)
        drawn = []
        for parameter, low, high in ends:
            part = torch.rand(len(x), 1, dtype=x.dtype, device="cpu")
            if parameter.step:
                drawn.append(parameter.between(self.widen * low, self.widen * high, part))
            else:
                drawn.append(self.widen * (low + (high - low) * part))
        return drawn

    def _noise_parameters(self, x: Tensor) -> list[Tensor]:
        uniform = torch.rand(len(x), self.law.dimensions, dtype=torch.float64, device="cpu")
        uniform = uniform.clamp(1e-12, 1.0 - 1e-12)
        theta = torch.from_numpy(self.law.theta_from_uniform(uniform.numpy()))
        return list(theta.to(x.dtype).tensor_split(self.law.dimensions, dim=1))


def dealt(views: Sequence[NoisyInputs], x: Tensor) -> Tensor:
    """Split a batch into one part for each view, and apply the views.

    Each batch contains all views, since batch norms then see in training the same mixture that
    their running averages describe.

    Args:
        views: Maps of training inputs.
        x: Images (N, C, H, W).

    Returns:
        Noisy inputs, N rows in the order of x.
    """
    parts = x.tensor_split(len(views))
    return torch.cat([view(part) for view, part in zip(views, parts, strict=True) if len(part)])

"""Training inputs: an attack from the region, then the smoothing's own noise."""

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
    """x (N, C, H, W) -> Q round(T_theta L psi_gamma(x) + delta), one fresh draw a row.

    widen: attacks are drawn from the region times this. A law without dimensions puts no noise on
    theta: T is the identity, whatever parameters the transformation has.

    Runs in the dtype of x and draws from PyTorch's global generator: training needs neither the
    coordinates nor the float64 of a certificate.
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
    """x (N, C, H, W), its first part seen through the first view, and so on; N rows, in order.

    Batches are mixed rather than taken in turn: batch norms then see in training the mixture that
    their running averages describe.
    """
    parts = x.tensor_split(len(views))
    return torch.cat([view(part) for view, part in zip(views, parts, strict=True) if len(part)])

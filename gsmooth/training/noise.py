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
class Noise:
    """One draw of the noise for a batch.

    Args:
        theta: Noise on each parameter, (N, 1); empty where T = id.
        delta: Noise on z, (N, K).
    """

    theta: tuple[Tensor, ...]
    delta: Tensor


@final
@dataclass(frozen=True)
class NoisyInputs:
    """The map x -> Q round(T_theta L psi_gamma(x) + delta) on images x (N, C, H, W).

    psi is the attack, L the lift, T the action, Q the readout; round goes to multiples of ``grid``.
    Every image gets its own random gamma (attack), theta (noise on parameters) and delta (noise on
    z). They come from PyTorch's global generators, in the dtype of x and on its device. theta is
    drawn by the law itself, so it has the distribution that votes of a certificate have.

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
        lifted = self.lifted(x)
        return lifted.inputs(lifted.noise())

    def lifted(self, x: Tensor) -> LiftedBatch:
        """Attack the images x (N, C, H, W) at random and lift them; noise is drawn later."""
        shape = (int(x.shape[1]), int(x.shape[2]), int(x.shape[3]))
        operator = self.transformation.for_shape(shape)
        if self.region.dimensions:
            x = operator.attack(x, *self._attack_parameters(x))
        return LiftedBatch(operator, self.law, self.grid, operator.lift(x), shape)

    def _attack_parameters(self, x: Tensor) -> list[Tensor]:
        parameters = self.transformation.parameters
        ends = zip(parameters, self.region.lower, self.region.upper, strict=True)
        drawn = []
        for parameter, low, high in ends:
            part = torch.rand(len(x), 1, dtype=x.dtype, device="cpu")
            if parameter.step:
                gamma = parameter.between(self.widen * low, self.widen * high, part)
            else:
                gamma = self.widen * (low + (high - low) * part)
            drawn.append(gamma.to(x.device))
        return drawn


@final
@dataclass(frozen=True)
class LiftedBatch:
    """Attacked and lifted images, to which noise is added as often as it is wanted.

    Args:
        operator: The transformation for images of this shape.
        law: Law of the noise.
        grid: Step of the grid to which noisy inputs are rounded; 0 for no rounding.
        z: Lifted images (N, K).
        shape: Shape (C, H, W) of the images.
    """

    operator: Transformation
    law: Law
    grid: float
    z: Tensor
    shape: tuple[int, int, int]

    def noise(self) -> Noise:
        """Draw the noise of the batch; from PyTorch's global generators."""
        theta: tuple[Tensor, ...] = ()
        if self.law.dimensions:
            uniform = torch.rand(
                len(self.z), self.law.dimensions, dtype=torch.float64, device="cpu"
            )
            uniform = uniform.clamp(1e-12, 1.0 - 1e-12)
            drawn = torch.from_numpy(self.law.theta_from_uniform(uniform.numpy()))
            theta = tuple(drawn.to(self.z).tensor_split(self.law.dimensions, dim=1))
        return Noise(theta, self.law.sigma * torch.randn_like(self.z))

    def inputs(self, noise: Noise, z: Tensor | None = None) -> Tensor:
        """Return the network's inputs, differentiable in z.

        The gradient passes the rounding to the grid as if there were none.

        Args:
            noise: A draw of the noise.
            z: Points (N, K) in place of the lifted images.
        """
        z = self.z if z is None else z
        if noise.theta:
            z = self.operator.act(z, *noise.theta)
        z = z + noise.delta
        if self.grid > 0.0:
            rounded = (z.detach() / self.grid).round() * self.grid
            # z - z is exactly 0, so the value is the rounded one.
            z = rounded + (z - z.detach()) if z.requires_grad else rounded
        return self.operator.readout(z, self.shape)


@final
@dataclass(frozen=True)
class LiftedViews:
    """A batch dealt to several kinds of noisy inputs; each has its own part of the images.

    Args:
        parts: The parts, in the order of the images.
    """

    parts: tuple[LiftedBatch, ...]

    @staticmethod
    def of(views: Sequence[NoisyInputs], x: Tensor) -> LiftedViews:
        """Split the images x (N, C, H, W) into one part for each view, attack and lift them."""
        parts = zip(views, x.tensor_split(len(views)), strict=True)
        return LiftedViews(tuple(view.lifted(part) for view, part in parts if len(part)))

    def noise(self) -> list[Noise]:
        """Draw the noise of every part."""
        return [part.noise() for part in self.parts]

    def inputs(self, noise: Sequence[Noise], z: Sequence[Tensor] | None = None) -> Tensor:
        """Return the network's inputs (N, C, H, W), in the order of the images.

        Args:
            noise: A draw for every part.
            z: Points in place of the lifted images, for every part.
        """
        points = [part.z for part in self.parts] if z is None else z
        drawn = zip(self.parts, noise, points, strict=True)
        return torch.cat([part.inputs(one, point) for part, one, point in drawn])

    @property
    def sigmas(self) -> Tensor:
        """Standard deviation of the noise on z, for each image, (N,)."""
        return torch.cat([part.z.new_full((len(part.z),), part.law.sigma) for part in self.parts])


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

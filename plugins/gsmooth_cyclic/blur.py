"""Gaussian blur on a torus: the heat equation, exact, in the z-space of the cyclic translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gsmooth import Parameter
from gsmooth.geometry.separable import DAMPING_ERROR
from gsmooth_cyclic.lift import steepest
from gsmooth_cyclic.torus import NUMERICAL, OnTorus, OnTorusBounds


class CyclicBlurBounds(OnTorusBounds):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound errors by rounding and by an offset of the variance: |d exp(-v w) / dv| <= w."""
        rate = sum(steepest(size) ** 2 for size in self.of.size_px) / 2.0 * (1.0 + NUMERICAL)
        return float(z.norm(dim=1).max()) * (DAMPING_ERROR + rate * offset[0])

    def action_derivative(self, z: Tensor) -> Tensor:
        """||w z||, reached at v = 0: w exp(-v w) falls with v. (N, K) -> (N, 1)."""
        return self._lengths(z, z.new_zeros(len(z), 1), 1)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||w exp(-v w) L x|| at the cell's lower end, per px^2; (n, 1) -> (n, 1)."""
        return self._lengths(self.of.lift(x), lower, 1) + NUMERICAL * (1.0 + float(x.norm()))

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||w^2 exp(-v w) L x|| at the cell's lower end, per px^4; (n, 1) -> (n, 1)."""
        return self._lengths(self.of.lift(x), lower, 2) + NUMERICAL * (1.0 + float(x.norm()))

    def _lengths(self, z: Tensor, variance: Tensor, power: int) -> Tensor:
        """||w^power exp(-v w) z|| for z (1 or n, K) and v (n, 1), rounded up: (n, 1)."""
        squares = self.of.basis.grid(z).square().sum(dim=1)
        down, along = self.of.basis.frequencies(z)
        rate = ((down.square()[:, None] + along.square()) / 2.0).flatten()
        factors = (rate**power * torch.exp(-variance * rate)).square()
        return (factors * squares.flatten(1)).sum(dim=1, keepdim=True).sqrt() * (1.0 + NUMERICAL)


@final
@dataclass(frozen=True)
class CyclicBlur(OnTorus):
    """Gaussian blur with ``variance`` v >= 0, in px^2, of an image whose opposite edges are joined.

    Attack and action multiply Fourier coefficients by exp(-v (omega_y^2 + omega_x^2) / 2), the
    solution of the heat equation at time v / 2: the attack all coefficients, the action those of z.
    So L psi_v(x) = T_v L x exactly, and the residual is 0. Variances add; a blur has no inverse and
    never increases distances. From about v = 1 on it equals scipy.ndimage.gaussian_filter(x,
    sqrt(v), mode="wrap") without truncation. Narrower kernels have side lobes, since pixels cannot
    represent their high frequencies (``keeps_range`` is False).

    It shares lift and readout with the cyclic translation, and commutes with it.
    image_px: height and width; ``for_shape`` sets them.
    """

    name: ClassVar[str] = "cyclic-blur"
    summary: ClassVar[str] = "Gaussian blur on a torus, exact"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("variance", "px^2", "of the Gaussian; its square root is the blur's width"),
    )
    one_sided: ClassVar[tuple[str, ...]] = ("variance",)
    nonexpansive: ClassVar[bool] = True
    default_centres: ClassVar[int] = 4
    bounds_class = CyclicBlurBounds

    def move(self, coefficients: Tensor, omega: tuple[Tensor, Tensor], *theta: Tensor) -> Tensor:
        """Multiply every coefficient by exp(-v w)."""
        # Negative variances, which have no blur, become NaN; NaN scores stop a run (F3).
        variance = torch.where(theta[0] >= 0.0, theta[0], torch.nan).reshape(-1, 1)
        rates = (w.square() / 2.0 for w in omega)
        down, along = (torch.exp(-variance.to(coefficients.dtype) * rate) for rate in rates)
        return coefficients * down[:, None, :, None] * along[:, None, None, :]

"""Derivative bounds, in the variance, of blurred images and of their distance from the action.

x has cosine coefficients z; the action multiplies them by t = exp(-v w), w = (omega_y^2 +
omega_x^2) / 2, the sampled kernel by m = m_y m_x. Both multiply the mean (w = 0) by 1. All bounds
are over cells [lower, upper] of v, (n,), and rounded up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import torch
from torch import Tensor

from gsmooth import TransformationBounds
from gsmooth.geometry.separable import DAMPING_ERROR, Separable
from gsmooth.geometry.settings import ChunkSettings
from gsmooth_blur.attack import SampledKernel
from gsmooth_blur.lift import steepest
from gsmooth_blur.matched import MatchedKernel

if TYPE_CHECKING:
    from gsmooth_blur.blur import Blur as Blur

BLUR: Final = ChunkSettings(bounds=2**22)

Kernel = SampledKernel | MatchedKernel

# Outward slack for float64 arithmetic, per unit of image norm.
NUMERICAL: Final = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Spectrum:
    """The cosine spectrum of an image.

    cosines: the transform. power (H, W): squared coefficients, summed over channels. slack: outward
    slack of all bounds.
    """

    cosines: Separable
    power: Tensor
    slack: float

    @classmethod
    def of(cls, cosines: Separable, x: Tensor) -> Spectrum:
        """x (1, C, H, W)."""
        power = cosines.analyse(x).square().sum(dim=(0, 1))
        return cls(cosines, power, NUMERICAL * (1.0 + float(x.norm())))

    def action_derivative(self, lower: Tensor) -> Tensor:
        """sup ||dT_v z / dv||, (n,): w exp(-v w) falls with v."""
        return self._each(lower, lambda v: self._rate * torch.exp(-v * self._rate))

    def action_curvature(self, lower: Tensor) -> Tensor:
        """sup ||d2T_v z / dv2||, (n,)."""
        return self._each(lower, lambda v: self._rate.square() * torch.exp(-v * self._rate))

    def kernel_curvature(self, kernel: Kernel, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d2M_v z / dv2||, (n,): m'' = m_y'' m_x + 2 m_y' m_x' + m_y m_x'', and |m| <= 1."""
        if isinstance(kernel, MatchedKernel):
            frequencies = self.cosines.frequencies(self.power)
            return kernel.kernel_curvature(self.power, *frequencies, lower, upper) + self.slack
        first, second = kernel.slopes(lower, upper)
        moving = (self.power.sum() - self.power[0, 0]).clamp_min(0.0).sqrt()
        return 2.0 * (second + first.square()) * moving + self.slack

    def kernel_derivative(self, kernel: Kernel, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||dM_v z / dv||, (n,): its value at the middle, plus a bound on its change."""
        middle, half = (lower + upper) / 2.0, (upper - lower) / 2.0
        moved = self._each(middle, lambda v: self._kernel_slope(kernel, v))
        near = moved + half * self.kernel_curvature(kernel, lower, upper)
        return near.minimum(self._limit(kernel) + self.slack)

    def gap_curvature(self, kernel: Kernel, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d2 (M_v - T_v) z / dv2||, (n,)."""
        return self.kernel_curvature(kernel, lower, upper) + self.action_curvature(lower)

    def gap_derivative(self, kernel: Kernel, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d (M_v - T_v) z / dv||, (n,)."""
        middle, half = (lower + upper) / 2.0, (upper - lower) / 2.0

        def slope(v: Tensor) -> Tensor:
            return self._kernel_slope(kernel, v) + self._rate * torch.exp(-v * self._rate)

        near = self._each(middle, slope) + half * self.gap_curvature(kernel, lower, upper)
        return near.minimum(self._limit(kernel) + self.action_derivative(lower) + self.slack)

    def _limit(self, kernel: Kernel) -> Tensor:
        """sup ||dM_v z / dv|| over all v, ()."""
        if isinstance(kernel, MatchedKernel):
            return kernel.kernel_derivative(self.power, *self.cosines.frequencies(self.power))
        return torch.full_like(self.power.sum(), torch.inf)

    @property
    def _rate(self) -> Tensor:
        """w (H, W), per px^2."""
        down, along = self.cosines.frequencies(self.power)
        return (down.square()[:, None] + along.square()) / 2.0

    def _kernel_slope(self, kernel: Kernel, variance: Tensor) -> Tensor:
        """dm / dv (n, H, W) at variances (n, 1, 1)."""
        down, along = self.cosines.frequencies(self.power)
        row, row_slope = kernel.transfer(variance.flatten(), down)
        column, column_slope = kernel.transfer(variance.flatten(), along)
        changed = row_slope[:, :, None] * column[:, None]
        return changed + row[:, :, None] * column_slope[:, None]

    def _each(self, variance: Tensor, factor: Callable[[Tensor], Tensor]) -> Tensor:
        """||factor z|| for every variance (n,), factor: (n, 1, 1) -> (n, H, W)."""
        norms = [
            (factor(part[:, None, None]).square() * self.power).sum(dim=(1, 2)).sqrt()
            for part in torch.split(variance, max(1, BLUR.bounds // self.power.numel()))
        ]
        return torch.cat(norms) + self.slack


class BlurBounds(TransformationBounds["Blur"]):
    def action_derivative(self, z: Tensor) -> Tensor:
        """||w z||, reached at v = 0: w exp(-v w) falls with v. (N, K) -> (N, 1)."""
        down, along = self.of._cosines.frequencies(z)
        rate = (down.square()[:, None] + along.square()) / 2.0
        derivative: Tensor = (rate * self.of._cosines.grid(z)).flatten(1).norm(dim=1, keepdim=True)
        return derivative * (1.0 + 1e-9)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """Bound ||L||: 1 in exact arithmetic, with a slack for float64."""
        return 1.0 + 1e-9

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound errors by rounding and by an offset of the variance: |d exp(-v w) / dv| <= w."""
        return float(z.norm(dim=1).max()) * (DAMPING_ERROR + steepest(*self.of._size) * offset[0])

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d (L psi_v(x) - T_v L x) / dv|| over each cell, per px^2; (n, 1) -> (n, 1)."""
        if self.of.kernel == "exact":
            return torch.zeros_like(lower)
        spectrum, low, high = self._seen(x, lower, upper)
        return spectrum.gap_derivative(self.of._sampled, low, high)[:, None]

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup of the second derivative of the same, per px^4; (n, 1) -> (n, 1)."""
        if self.of.kernel == "exact":
            return torch.zeros_like(lower)
        spectrum, low, high = self._seen(x, lower, upper)
        return spectrum.gap_curvature(self.of._sampled, low, high)[:, None]

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi_v(x) / dv|| over each cell, per px^2; (n, 1) -> (n, 1)."""
        spectrum, low, high = self._seen(x, lower, upper)
        if self.of.kernel == "exact":
            return spectrum.action_derivative(low)[:, None]
        return spectrum.kernel_derivative(self.of._sampled, low, high)[:, None]

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d^2 L psi_v(x) / dv^2|| over each cell, per px^4; (n, 1) -> (n, 1)."""
        spectrum, low, high = self._seen(x, lower, upper)
        if self.of.kernel == "exact":
            return spectrum.action_curvature(low)[:, None]
        return spectrum.kernel_curvature(self.of._sampled, low, high)[:, None]

    def _seen(self, x: Tensor, lower: Tensor, upper: Tensor) -> tuple[Spectrum, Tensor, Tensor]:
        return Spectrum.of(self.of._cosines, x), lower[:, 0], upper[:, 0]

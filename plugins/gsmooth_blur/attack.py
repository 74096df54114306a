"""The sampled Gaussian kernel: weights exp(-k^2 / 2v), cut off at a radius and made to sum to 1.

Image libraries call this kernel a Gaussian blur. It does not compose: two sampled kernels of
variance v do not give one of 2v, and at small v its variance differs from v. In cosine space it
multiplies by m(omega) = E cos(k omega), where E is the mean over k with these weights. This module
computes m and its derivatives in v.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

# Below this variance all weights except the middle one are less than exp(-500).
TINY: Final = 1e-3


@final
@dataclass(frozen=True)
class SampledKernel:
    """Kernels with weights at the whole numbers -radius .. radius, one a variance (n,) in px^2."""

    radius: int

    def weights(self, variance: Tensor) -> Tensor:
        """(n, 2 radius + 1), by k = -radius .. radius."""
        return torch.softmax(-self._squares(variance) / (2.0 * _spread(variance)), dim=1)

    def transfer(self, variance: Tensor, omega: Tensor) -> tuple[Tensor, Tensor]:
        """m and dm / dv at omega (h,): both (n, h).

        dE[f]/dv = Cov(f, k^2) / (2 v^2), since the weights' logarithms change with k^2 / (2 v^2).
        """
        weights, squares = self.weights(variance), self._squares(variance)
        cosines = torch.cos(self._places(variance)[:, None] * omega)
        mean = (weights * squares).sum(dim=1, keepdim=True)
        moved = weights * (squares - mean) / (2.0 * _spread(variance).square())
        return weights @ cosines, moved @ cosines

    def slopes(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """sup |dm/dv| and sup |d2m/dv2| over cells of v (n,), for every omega, rounded up (C3).

        With |f| <= 1: |Cov(f, k^2)| <= E|k^2 - E k^2| <= 2 E k^2. The second derivative is
        K / (4 v^4) - Cov(f, k^2) / v^3, K = E (f - Ef)(k^2 - Ek^2)^2 and |K| <= 2 E k^4.
        """
        first = self._moment(2, 2, lower, upper)
        second = self._moment(4, 4, lower, upper) / 2.0 + 2.0 * self._moment(2, 3, lower, upper)
        return first * (1.0 + 1e-9), second * (1.0 + 1e-9)

    def _moment(self, order: int, power: int, lower: Tensor, upper: Tensor) -> Tensor:
        """Bound sup E k^order / v^power over each cell, (n,), by the smaller of two bounds.

        First: E at the upper end, since larger v move weight outwards, divided by the power of the
        lower end. Second, term by term: the sum of weights is at least the middle weight, 1, and
        exp(-k^2 / 2v) v^-power is largest at v = k^2 / (2 power).
        """
        raised = self._places(lower).abs() ** order
        # A lower end of -0.0 would give -inf where the power is odd.
        at_end = (self.weights(upper) * raised).sum(dim=1) / (lower + 0.0) ** power
        k = self._places(lower)[self.radius + 1 :]
        peak = (k.square() / (2.0 * power)).clamp(min=lower[:, None], max=upper[:, None])
        # For a cell that is the point 0: no division by 0.
        peak = peak.clamp_min(TINY)
        terms = torch.exp(-k.square() / (2.0 * peak)) / peak**power
        return torch.minimum(at_end, 2.0 * (terms * k**order).sum(dim=1))

    def _places(self, like: Tensor) -> Tensor:
        return torch.arange(-self.radius, self.radius + 1, dtype=like.dtype, device=like.device)

    def _squares(self, like: Tensor) -> Tensor:
        return self._places(like).square()[None]


def blurred(x: Tensor, weights: Tensor) -> Tensor:
    """x (N, C, H, W) convolved along both axes with weights (N, 2 radius + 1), edges mirrored.

    The image continues as d c b a | a b c d | d c b a: scipy.ndimage's mode "reflect".
    """
    return _along(_along(x, weights, 2), weights, 3)


def _along(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    size, radius = x.shape[axis], weights.shape[1] // 2
    place = torch.arange(size, device=x.device, dtype=torch.int64)
    total = torch.zeros_like(x)
    for tap in range(-radius, radius + 1):
        turned = (place + tap) % (2 * size)
        source = torch.minimum(turned, 2 * size - 1 - turned)
        weight = weights[:, tap + radius].to(x.dtype)[:, None, None, None]
        total = total + weight * x.index_select(axis, source)
    return total


def _spread(variance: Tensor) -> Tensor:
    return variance.clamp_min(TINY)[:, None]

"""Translation on a torus by any fraction of a pixel: exact, orthogonal and without loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gsmooth import Parameter
from gsmooth.geometry.pairs import turned, turning_error
from gsmooth_cyclic.lift import steepest
from gsmooth_cyclic.torus import NUMERICAL, OnTorus, OnTorusBounds


class CyclicTranslationBounds(OnTorusBounds):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the error of phases omega d by omega (offset + rounding of the product) by axis."""
        tops = [steepest(size) for size in self.of.size_px]
        return turning_error(z, tops, reach, offset)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A_i z||, A_i the generator: the same at every theta, since T commutes with it."""
        return self._lengths(z, 1)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||A_i L x||, per pixel, in every cell alike; (n, 2) -> (n, 2)."""
        return self._of_image(x, 1).expand_as(lower)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||A_i^2 L x||, per pixel squared, in every cell alike; (n, 2) -> (n, 2)."""
        return self._of_image(x, 2).expand_as(lower)

    def _of_image(self, x: Tensor, power: int) -> Tensor:
        # The rounding error of the lift is relative to the norm of the image, without omega.
        return self._lengths(self.of.lift(x), power) + NUMERICAL * (1.0 + float(x.norm()))

    def _lengths(self, z: Tensor, power: int) -> Tensor:
        """Norms of z with every coefficient times omega^power, by axis, rounded up: (N, 2)."""
        squares = self.of.basis.grid(z).square().sum(dim=1)
        down, along = (omega ** (2 * power) for omega in self.of.basis.frequencies(z))
        by_axis = [squares.sum(dim=2) @ down, squares.sum(dim=1) @ along]
        return torch.stack(by_axis, dim=1).sqrt() * (1.0 + NUMERICAL)


@final
@dataclass(frozen=True)
class CyclicTranslation(OnTorus):
    """Translation by ``down`` and ``across`` pixels of an image whose opposite edges are joined.

    Attack: at whole pixels torch.roll, to float64 rounding; in between trigonometric interpolation,
    which has no frequencies beyond the image's own; for odd sizes scipy.ndimage.fourier_shift, and
    alternating parts of an axis of even size are multiplied by cos(pi d). Nothing leaves the image.
    Action: the phase exp(-i (omega_y down + omega_x across)) on the Fourier coefficients of the
    image as it is, without padding or low-pass. It is exact for every shift: L psi_theta(x) =
    T_theta L x, so C(theta) = L x, the residual is 0, and the margin of a centre is that of the
    shift alone (T2). Coefficients of the alternating vector of an axis of even size, for which
    shifts by fractions of a pixel do not compose, are no part of z: the network does not get them.

    Between whole pixels the interpolation overshoots: values leave the range of the pixels
    (``keeps_range`` is False), and with ``bits`` certificates are heuristic.
    image_px: height and width; ``for_shape`` sets them.
    """

    name: ClassVar[str] = "cyclic-translation"
    summary: ClassVar[str] = "translation on a torus, exact at every fraction of a pixel"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("down", "px", "downwards; rows that leave come in at the top", period="height"),
        Parameter(
            "across", "px", "to the right; columns that leave come in at the left", period="width"
        ),
    )
    orthogonal: ClassVar[bool] = True
    bounds_class = CyclicTranslationBounds

    def move(self, coefficients: Tensor, omega: tuple[Tensor, Tensor], *theta: Tensor) -> Tensor:
        """Rotate every pair of cosine and sine by its frequency times the shift."""
        down, across = (shift.reshape(-1, 1).to(coefficients.dtype) for shift in theta)
        rolled = _turned(coefficients.transpose(2, 3), down * omega[0], down)
        return _turned(rolled.transpose(2, 3), across * omega[1], across)


def _turned(coefficients: Tensor, phase: Tensor, shift: Tensor) -> Tensor:
    """Rotate pairs along the last axis by ``phase`` (N, size); scale the alternating part."""
    pairs = 2 * ((coefficients.shape[3] - 1) // 2)
    cos, sin = (f(phase[:, None, None, 1 : 1 + pairs // 2]) for f in (torch.cos, torch.sin))
    paired, last = coefficients[..., : 1 + pairs], coefficients[..., 1 + pairs :]
    alternating = last * torch.cos(math.pi * shift)[:, None, None]
    return torch.cat([turned(paired, cos, sin, 1), alternating], 3)

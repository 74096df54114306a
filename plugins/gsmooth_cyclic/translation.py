"""Translation on a torus, by whole pixels and in between: exact, orthogonal, nothing is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_cyclic.torus import Z_SPACE, Torus, bound

# Outward slack for float64 sums of squares, relative.
NUMERICAL: Final = 1e-9


@final
@dataclass(frozen=True)
class CyclicTranslation(Transformation):
    """Translation by ``down`` and ``across`` pixels of an image whose opposite edges are joined.

    Attack: at whole pixels torch.roll, to float64 rounding; in between trigonometric interpolation,
    which has no frequencies beyond the image's own; for odd sizes scipy.ndimage.fourier_shift, and
    alternating parts of an axis of even size are multiplied by cos(pi d). Nothing leaves the image.
    Action: the phase exp(-i (omega_y down + omega_x across)) on the Fourier coefficients of the
    image as it is, without padding or low-pass. It is exact for every shift: L psi_theta(x) =
    T_theta L x, so C(theta) is L x, the residual is 0 and one centre has nothing but shifts to
    answer for (T2). Coefficients of the alternating vector of an axis of even size, which no group
    can turn by fractions of a pixel, are no part of z: the network does not see them.

    Between whole pixels interpolation rings: values leave the range of the pixels (``keeps_range``
    is False), and with ``bits`` certificates are heuristic.
    image_px: height and width; ``for_shape`` fills them in.
    """

    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "cyclic-translation"
    summary: ClassVar[str] = "translation on a torus, exact at every fraction of a pixel"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("down", "px", "downwards; rows that leave come in at the top"),
        Parameter("across", "px", "to the right; columns that leave come in at the left"),
    )
    orthogonal: ClassVar[bool] = True

    @property
    def z_space(self) -> str:
        """Shared with the cyclic blur."""
        return Z_SPACE

    @property
    def exact(self) -> bool:
        """L psi_theta(x) = T_theta L x: psi keeps the span of every pair, and L drops the rest."""
        return True

    def for_shape(self, shape: tuple[int, int, int]) -> CyclicTranslation:
        """This translation for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images moved down by theta[0] and right by theta[1] pixels, (N, C, H, W)."""
        return self._torus.image(_moved(self._torus, self._torus.spectrum(x), theta))

    def lift(self, x: Tensor) -> Tensor:
        """L: real Fourier coefficients, (N, C, H, W) -> (N, C * K)."""
        return self._torus.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L; L Q = id."""
        return self._torus.readout(z)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: every pair of cosine and sine turned by its frequency times the shift."""
        return _moved(self._torus, self._torus.grid(z), theta).flatten(1)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """1 in exact arithmetic; the matrices are float64."""
        return 1.0 + NUMERICAL

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """A phase omega d is off by omega (offset + rounding of the product), axis by axis."""
        tops = (self._torus.rows.steepest, self._torus.columns.steepest)
        phase = sum(
            top * (far * 2.0**-51 + off) for top, far, off in zip(tops, reach, offset, strict=True)
        )
        return float(z.norm(dim=1).max()) * (phase + 2.0**-48)

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constants."""
        return self._torus.fixed_part(z)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A_i z||, A_i the generator: the same at every theta, since T commutes with it."""
        return self._lengths(z, 1)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: C(theta) = L x whatever theta is."""
        return torch.zeros_like(lower)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: C does not move."""
        return torch.zeros_like(lower)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||A_i L x||, per pixel, in every cell alike; (n, 2) -> (n, 2)."""
        return self._of_image(x, 1).expand_as(lower)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||A_i^2 L x||, per pixel squared, in every cell alike; (n, 2) -> (n, 2)."""
        return self._of_image(x, 2).expand_as(lower)

    def _of_image(self, x: Tensor, power: int) -> Tensor:
        # The lift's own rounding is a share of the image and not of what its frequencies weigh.
        return self._lengths(self.lift(x), power) + NUMERICAL * (1.0 + float(x.norm()))

    def _lengths(self, z: Tensor, power: int) -> Tensor:
        """Norms of z with every coefficient times omega^power, by axis, rounded up: (N, 2)."""
        squares = self._torus.grid(z).square().sum(dim=1)
        down, along = (omega ** (2 * power) for omega in self._torus.omega(squares))
        by_axis = [squares.sum(dim=2) @ down, squares.sum(dim=1) @ along]
        return torch.stack(by_axis, dim=1).sqrt() * (1.0 + NUMERICAL)

    @property
    def _torus(self) -> Torus:
        return bound(self.image_px, self.name)


def _moved(torus: Torus, spectrum: Tensor, theta: tuple[Tensor, ...]) -> Tensor:
    """A spectrum (N, C, rows, columns), alternating parts or not, moved by theta (N, 1) each."""
    down, across = (shift.reshape(-1, 1).to(spectrum.dtype) for shift in theta)
    omega_y, omega_x = torus.omega(spectrum)
    turned = _turned(spectrum.transpose(2, 3), down * omega_y, torus.rows.order, down)
    return _turned(turned.transpose(2, 3), across * omega_x, torus.columns.order, across)


def _turned(spectrum: Tensor, phase: Tensor, order: int, shift: Tensor) -> Tensor:
    """Pairs along the last axis turned by ``phase`` (N, size), the alternating part by +-."""
    cos, sin = (f(phase[:, None, None, 1 : order + 1]) for f in (torch.cos, torch.sin))
    parts = [1, order, order, spectrum.shape[3] - 2 * order - 1]
    identity_action, cosine, sine, last = torch.split(spectrum, parts, dim=3)
    alternating = last * torch.cos(math.pi * shift)[:, None, None]
    return torch.cat(
        [identity_action, cosine * cos - sine * sin, cosine * sin + sine * cos, alternating], 3
    )

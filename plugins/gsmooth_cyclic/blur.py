"""Gaussian blur on a torus: the heat equation, exact, in the z-space of the cyclic translation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_cyclic.torus import Z_SPACE, Torus, bound

# Float64 error of exp(-v w) z relative to z: the exponent is off by 8 units of 2^-53 of itself, and
# s exp(-s) <= .37; the products and the exponentials themselves add 8 units.
RELATIVE: Final = 2.0**-49
# Outward slack for float64 sums of squares, relative.
NUMERICAL: Final = 1e-9


@final
@dataclass(frozen=True)
class CyclicBlur(Transformation):
    """Gaussian blur with ``variance`` v >= 0, in px^2, of an image whose opposite edges are joined.

    Attack and action multiply Fourier coefficients by exp(-v (omega_y^2 + omega_x^2) / 2), the
    solution of the heat equation at time v / 2; the attack all of them, the action those of z. So
    L psi_v(x) = T_v L x exactly and the residual is 0. Variances add, nothing undoes a blur, and it
    lengthens nothing. From about v = 1 on it is scipy.ndimage.gaussian_filter(x, sqrt(v),
    mode="wrap"), cut off nowhere; narrower kernels have frequencies that the pixels do not, and
    side lobes instead (``keeps_range`` is False).

    It shares lift, readout and the directions that it acts along with the cyclic translation: the
    two commute.
    image_px: height and width; ``for_shape`` fills them in.
    """

    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "cyclic-blur"
    summary: ClassVar[str] = "Gaussian blur on a torus, exact"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("variance", "px^2", "of the Gaussian; its square root is the blur's width"),
    )
    one_sided: ClassVar[tuple[str, ...]] = ("variance",)
    nonexpansive: ClassVar[bool] = True
    default_centres: ClassVar[int] = 4

    @property
    def z_space(self) -> str:
        """Shared with the cyclic translation."""
        return Z_SPACE

    @property
    def exact(self) -> bool:
        """L psi_v(x) = T_v L x: every coefficient is multiplied by itself."""
        return True

    def for_shape(self, shape: tuple[int, int, int]) -> CyclicBlur:
        """This blur for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images blurred by the variances theta[0] (N, 1), (N, C, H, W)."""
        return self._torus.image(_damped(self._torus, self._torus.spectrum(x), theta[0]))

    def lift(self, x: Tensor) -> Tensor:
        """L: real Fourier coefficients, (N, C, H, W) -> (N, C * K)."""
        return self._torus.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L; L Q = id."""
        return self._torus.readout(z)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: every coefficient damped by exp(-v w)."""
        return _damped(self._torus, self._torus.grid(z), theta[0]).flatten(1)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """1 in exact arithmetic; the matrices are float64."""
        return 1.0 + NUMERICAL

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Rounding, and what an offset of the variance does: |d exp(-v w) / dv| <= w."""
        tops = (self._torus.rows.steepest, self._torus.columns.steepest)
        steepest = sum(top**2 for top in tops) / 2.0 * (1.0 + NUMERICAL)
        return float(z.norm(dim=1).max()) * (RELATIVE + steepest * offset[0])

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constants."""
        return self._torus.fixed_part(z)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||w z||, reached at v = 0: w exp(-v w) falls with v. (N, K) -> (N, 1)."""
        return self._lengths(z, z.new_zeros(len(z), 1), 1)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: L psi_v(x) - T_v L x is 0 whatever v is."""
        return torch.zeros_like(lower)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: see ``derivative_bound``."""
        return torch.zeros_like(lower)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||w exp(-v w) L x|| at the cell's lower end, per px^2; (n, 1) -> (n, 1)."""
        return self._lengths(self.lift(x), lower, 1) + NUMERICAL * (1.0 + float(x.norm()))

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||w^2 exp(-v w) L x|| at the cell's lower end, per px^4; (n, 1) -> (n, 1)."""
        return self._lengths(self.lift(x), lower, 2) + NUMERICAL * (1.0 + float(x.norm()))

    def _lengths(self, z: Tensor, variance: Tensor, power: int) -> Tensor:
        """||w^power exp(-v w) z|| for z (1 or n, K) and v (n, 1), rounded up: (n, 1)."""
        squares = self._torus.grid(z).square().sum(dim=1)
        down, along = self._torus.omega(squares)
        rate = ((down.square()[:, None] + along.square()) / 2.0).flatten()
        factors = (rate**power * torch.exp(-variance * rate)).square()
        return (factors * squares.flatten(1)).sum(dim=1, keepdim=True).sqrt() * (1.0 + NUMERICAL)

    @property
    def _torus(self) -> Torus:
        return bound(self.image_px, self.name)


def _damped(torus: Torus, spectrum: Tensor, theta: Tensor) -> Tensor:
    """A spectrum (N, C, rows, columns), alternating parts or not, blurred by theta (N, 1)."""
    # NaN where negative: nothing undoes a blur, and NaN stops a run (F3) without a look.
    variance = torch.where(theta >= 0.0, theta, torch.nan).reshape(-1, 1).to(spectrum.dtype)
    down, along = (torch.exp(-variance * (w.square() / 2.0)) for w in torus.omega(spectrum))
    return spectrum * down[:, None, :, None] * along[:, None, None, :]

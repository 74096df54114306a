"""Fourier coefficients as z-space: translations turn their phases, and the bounds that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth_translation.forms import supremum
from gsmooth_translation.fourier import FourierFrame, generated
from gsmooth_translation.shifts import Boxes, Padding, mixes
from gsmooth_translation.space import NUMERICAL

# Axis of z along which a parameter (dx, dy) turns phases.
DX_AXIS: Final = -1
DY_AXIS: Final = -2


@final
@dataclass(frozen=True)
class FourierSpace:
    """Mask, zero padding, Fourier transform and low-pass; T turns the phases."""

    frame: FourierFrame

    @property
    def norm(self) -> float:
        """||L||, rounded up."""
        return self.frame.norm

    def lift(self, x: Tensor) -> Tensor:
        """Coefficients of the canvas, channel by channel."""
        return self.frame.analyse(x).flatten(1)

    def readout(self, z: Tensor) -> Tensor:
        """The adjoint of the lift, cropped back to the image."""
        return self.frame.synthesise(self._unflat(z))

    def act(self, z: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """The canvas moved right by dx and down by dy pixels, cyclically."""
        return self.frame.shift(self._unflat(z), dx, dy).flatten(1)

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant of every channel's canvas."""
        fixed = torch.zeros_like(self._unflat(z))
        fixed[..., 0, 0] = self._unflat(z)[..., 0, 0]
        return fixed.flatten(1)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A_i z||, A_i the generators: T commutes with them and keeps lengths."""
        omega_y, omega_x = self.frame.frequencies(z.dtype, z.device)
        along_x = generated(self._unflat(z), omega_x, DX_AXIS)
        along_y = generated(self._unflat(z), omega_y, DY_AXIS)
        derivatives = [moved.flatten(1).norm(dim=1) for moved in (along_x, along_y)]
        return torch.stack(derivatives, dim=1) * (1.0 + NUMERICAL)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """A phase omega d is off by omega (offset + rounding of the product), axis by axis."""
        orders = (self.frame.cols.omega, self.frame.rows.omega)
        phase = sum(
            float(max(omega, default=0.0)) * (far * 2.0**-51 + off)
            for omega, far, off in zip(orders, reach, offset, strict=True)
        )
        return float(z.norm(dim=1).max()) * (phase + 2.0**-48)

    def carried_bounds(
        self, x: Tensor, lower: Tensor, upper: Tensor, padding: Padding
    ) -> tuple[Tensor, Tensor]:
        """sup ||dC / d theta_i|| and sup ||d2C / d theta_i^2|| over each cell, both (n, 2).

        Exact up to outward rounding. With P = L psi = p + s q + t r + s t u (C4) and A the
        generator along x, C = T_(-theta) P gives T_theta dC/ddx = P_s - A P and T_theta d2C/ddx2 =
        -2 A P_s + A^2 P (P_ss = 0), with P_s = q + t u: bilinear in (s, t) again, so their norms
        are largest at a corner; and T is orthogonal. At an integer the derivatives are those from
        inside the cell.
        """
        boxes = Boxes.within(lower, upper)
        derivative, curvature = torch.zeros_like(lower), torch.zeros_like(lower)
        omega_y, omega_x = self.frame.frequencies(x.dtype, x.device)
        # Generators and slopes stand beside the mixes.
        for places, part in boxes.parts(16 * x.shape[1] * max(self.frame.size, x[0, 0].numel())):
            mix = self.frame.analyse(mixes(x, part.corner, padding))
            zero = torch.zeros_like(mix[:, 0])
            along_s = torch.stack([mix[:, 1], zero, mix[:, 3], zero], dim=1)
            along_t = torch.stack([mix[:, 2], mix[:, 3], zero, zero], dim=1)
            for i, (slope, omega, axis) in enumerate(
                ((along_s, omega_x, DX_AXIS), (along_t, omega_y, DY_AXIS))
            ):
                turned = generated(mix, omega, axis)
                derivative[places, i] = supremum(slope - turned, part)
                curvature[places, i] = supremum(generated(turned - 2.0 * slope, omega, axis), part)
        slack = NUMERICAL * (1.0 + float(x.norm()))
        return derivative + slack, curvature + slack

    def _unflat(self, z: Tensor) -> Tensor:
        rows, cols = self.frame.rows.coefficients, self.frame.cols.coefficients
        return z.reshape(len(z), -1, rows, cols)

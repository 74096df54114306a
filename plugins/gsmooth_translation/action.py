"""The z-space of Fourier coefficients, whose phases translations change, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Literal, final

import numpy as np
import torch
from torch import Tensor

from gsmooth.geometry.pairs import generated, turning_error
from gsmooth.geometry.pixel_space import PixelSpace
from gsmooth.geometry.space import Size, Space
from gsmooth_translation.attack import Boxes, Padding, mixes
from gsmooth_translation.bounds import NUMERICAL, attack_derivative, supremum
from gsmooth_translation.lift import FourierFrame

View = Literal["image", "canvas"]

# Axis of z along which a parameter (dx, dy) changes phases.
DX_AXIS: Final = -1
DY_AXIS: Final = -2


@final
@dataclass(frozen=True)
class FourierSpace(Space):
    """Coefficients of mask, zero padding, Fourier transform and low-pass; T changes phases.

    padding: pixels outside the image in the attack, on which bounds depend. view: whether the
    readout gives the image or the whole canvas.
    """

    frame: FourierFrame
    padding: Padding = "zeros"
    view: View = "image"

    def norm(self, shape: Size) -> float:
        """||L||, rounded up; channels do not mix."""
        return self.frame.norm

    def lift(self, x: Tensor) -> Tensor:
        """Coefficients of the canvas, channel by channel."""
        return self.frame.basis.analyse(x).flatten(1)

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """The adjoint of the lift, cropped back to the image, or the whole canvas."""
        map_of = self.frame.canvas if self.view == "canvas" else self.frame.basis
        return map_of.synthesise(self.frame.basis.grid(z))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """Shift the canvas right by dx and down by dy pixels, cyclically."""
        dx, dy = (value.to(z.dtype) for value in theta)
        return self.frame.shift(self.frame.basis.grid(z), dx, dy).flatten(1)

    def longest(self, half: Tensor) -> Tensor:
        """||L v||^2 = v' (R'R x C'C) v, R the matrix of rows and C of columns: absolute values."""
        down, along = _overlaps(self.frame)
        squared = (half * (down @ half @ along)).flatten(1).sum(dim=1)
        return squared.clamp_min(0.0).sqrt()

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant of every channel's canvas."""
        return self.frame.basis.constants(z)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A_i z|| for the generators A_i: T commutes with them and keeps norms."""
        omega_y, omega_x = self.frame.basis.frequencies(z)
        along_x = generated(self.frame.basis.grid(z), omega_x, 1, DX_AXIS)
        along_y = generated(self.frame.basis.grid(z), omega_y[:, None], 1, DY_AXIS)
        derivatives = [moved.flatten(1).norm(dim=1) for moved in (along_x, along_y)]
        return torch.stack(derivatives, dim=1) * (1.0 + NUMERICAL)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the error of phases omega d by omega (offset + rounding of the product) by axis."""
        omegas = self.frame.cols.omega, self.frame.rows.omega
        return turning_error(z, [float(max(o, default=0.0)) for o in omegas], reach, offset)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||dC / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2)."""
        return self._carried(x, lower, upper, second=False)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d2C / d theta_i^2|| over each cell, per pixel squared; (n, 2) -> (n, 2)."""
        return self._carried(x, lower, upper, second=True)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2)."""
        return attack_derivative(self.lift, x, lower, upper, self.padding)

    def _carried(self, x: Tensor, lower: Tensor, upper: Tensor, second: bool) -> Tensor:
        """sup ||dC / d theta_i|| over each cell, or with ``second`` sup ||d2C / d theta_i^2||.

        Exact up to outward rounding. With P = L psi = p + s q + t r + s t u (C4) and A the
        generator along x, C = T_(-theta) P gives T_theta dC/ddx = P_s - A P and T_theta d2C/ddx2 =
        -2 A P_s + A^2 P (P_ss = 0), with P_s = q + t u: bilinear in (s, t) again, so their norms
        are largest at a corner; and T is orthogonal. At an integer the derivatives are those from
        inside the cell.
        """
        boxes, found = Boxes.within(lower, upper), torch.zeros_like(lower)
        omega_y, omega_x = self.frame.basis.frequencies(x)
        # Generators and slopes are computed together with the mixes.
        for places, part in boxes.parts(16 * x.shape[1] * max(self.frame.size, x[0, 0].numel())):
            mix = self.frame.basis.analyse(mixes(x, part.corner, self.padding))
            zero = torch.zeros_like(mix[:, 0])
            along_s = torch.stack([mix[:, 1], zero, mix[:, 3], zero], dim=1)
            along_t = torch.stack([mix[:, 2], mix[:, 3], zero, zero], dim=1)
            for i, (slope, omega, axis) in enumerate(
                ((along_s, omega_x, DX_AXIS), (along_t, omega_y[:, None], DY_AXIS))
            ):
                turned = generated(mix, omega, 1, axis)
                whole = slope - turned
                if second:
                    whole = generated(turned - 2.0 * slope, omega, 1, axis)
                found[places, i] = supremum(whole, part)
        return found + NUMERICAL * (1.0 + float(x.norm()))


@final
@dataclass(frozen=True)
class InnerSpace(PixelSpace):
    """The z-space of the pixels that are more than frame_px from every side (T = id)."""

    frame_px: int
    padding: Padding

    alternative: ClassVar[str] = "fourier"

    def kept(self, height: int, width: int) -> Tensor:
        """Flat indices of the pixels inside the frame."""
        places = torch.arange(height * width, dtype=torch.int64, device="cpu").view(height, width)
        frame = self.frame_px
        return places[frame : height - frame, frame : width - frame].flatten()

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2)."""
        return attack_derivative(self.lift, x, lower, upper, self.padding)


@lru_cache(maxsize=16)
def _overlaps(frame: FourierFrame) -> tuple[Tensor, Tensor]:
    """|R'R| (H, H) and |C'C| (W, W)."""
    down, along = (np.abs(axis.matrix.T @ axis.matrix) for axis in (frame.rows, frame.cols))
    return torch.from_numpy(down), torch.from_numpy(along)

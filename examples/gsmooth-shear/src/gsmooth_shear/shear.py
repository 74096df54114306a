"""Shear: every line of an image shifted in proportion to its distance from the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation, TransformationBounds


@final
class ShearBounds(TransformationBounds["Shear"]):
    """Bounds of :class:`Shear`."""

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Float64 error of T_s z for |s| <= reach, s itself off by offset; u = 2^-53.

        A phase s y omega is off by its rounding, 8 u of itself at most, and by y omega offset;
        cosine, sine and the product by 8 u more. A fast Fourier transform of n numbers errs by at
        most some 8 u log2(n) of their norm (Higham 2002, Theorem 24.2); two of them get 16 u n.
        """
        steepest = float(self.of._rate(z).abs().max())
        phase = steepest * (offset[0] + 2.0**-50 * reach[0])
        longest = float(z.norm(dim=1).max())
        return longest * (phase + 2.0**-49 * (1 + max(self.of.image_px))) * (1.0 + 1e-12)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||d psi_s(x) / ds|| = ||T_s A x|| = ||A x||, A the generator: the same for every s."""
        return torch.full_like(lower, self._generated(x, 1))

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """||d^2 psi_s(x) / ds^2|| = ||A^2 x||, the same for every s."""
        return torch.full_like(lower, self._generated(x, 2))

    def _generated(self, x: Tensor, order: int) -> float:
        """||A^order x||, rounded up: A multiplies coefficients by -i y omega."""
        rate = self.of._rate(x)
        found = self.of._image(self.of._spectrum(x.flatten(1)) * (-1j * rate) ** order)
        slack = 1e-12 * float(rate.abs().max()) ** order * float(x.norm())
        return float(found.norm()) * (1.0 + 1e-12) + slack


@final
@dataclass(frozen=True)
class Shear(Transformation):
    """psi_s shifts the line at distance y from the middle by s y px; lines are periodic.

    direction: horizontal shifts rows, vertical shifts columns.

    image_px: height and width; filled in for the images that it is used on.

    Action: the attack itself, T_s = psi_s. In the Fourier basis of a line of W px it multiplies the
    coefficient of frequency omega by exp(-i omega s y), and leaves omega = pi (even W) alone: a
    lone real coefficient, which has no phase. These are rotations of pairs of real numbers by
    angles linear in s, so T_a T_b = T_(a+b), T_0 = id and every T_s is orthogonal (T4). Attack,
    lift and readout are not overridden, so nothing is left over (T2).

    What leaves a line at one end comes back at the other: meant for images with an empty border.
    """

    direction: Literal["horizontal", "vertical"] = "horizontal"
    image_px: tuple[int, int] = (28, 28)

    name: ClassVar[str] = "shear"
    summary: ClassVar[str] = "shear about the middle, Fourier interpolation, periodic lines"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("shear", "px/px", "shift of a line, by its distance from the middle"),
    )
    orthogonal: ClassVar[bool] = True
    bounds_class = ShearBounds

    def for_shape(self, shape: tuple[int, int, int]) -> Shear:
        """This shear for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T_s: z (N, C H W), s (N, 1) -> (N, C H W)."""
        phase = theta[0][:, :, None] * self._rate(z)
        turn = torch.polar(torch.ones_like(phase), -phase)
        return self._image(self._spectrum(z) * turn[:, None])

    def _rate(self, like: Tensor) -> Tensor:
        """Phase of each coefficient for s = 1, y omega: (lines, frequencies)."""
        lines, length = self._lines
        y = torch.arange(lines).to(like) - (lines - 1) / 2
        omega = 2.0 * math.pi * torch.fft.rfftfreq(length).to(like)
        # The coefficient at pi is real: with a phase it would shrink, and T would not compose.
        return y[:, None] * torch.where(omega < math.pi, omega, 0.0)

    def _spectrum(self, z: Tensor) -> Tensor:
        """(N, C H W) -> (N, C, lines, frequencies)."""
        image = z.reshape(len(z), -1, *self.image_px)
        lines = image.mT if self.direction == "vertical" else image
        spectrum: Tensor = torch.fft.rfft(lines, norm="ortho")
        return spectrum

    def _image(self, spectrum: Tensor) -> Tensor:
        """(N, C, lines, frequencies) -> (N, C H W)."""
        image: Tensor = torch.fft.irfft(spectrum, n=self._lines[1], norm="ortho")
        return (image.mT if self.direction == "vertical" else image).flatten(1)

    @property
    def _lines(self) -> tuple[int, int]:
        """How many lines there are, and how long they are."""
        return self.image_px[::-1] if self.direction == "vertical" else self.image_px

"""The base class of transformations on a torus: lift, readout, and a residual of 0."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Final, Self

import torch
from torch import Tensor

from gsmooth import Transformation, TransformationBounds
from gsmooth.geometry.pixels import known_size
from gsmooth.geometry.separable import Separable
from gsmooth_cyclic.lift import Z_SPACE, kept, spectrum

NUMERICAL: Final = 1e-9
"""Outward slack for float64 sums of squares, relative."""


class OnTorusBounds(TransformationBounds["OnTorus"]):
    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """Bound ||L||: 1 in exact arithmetic, with a slack for float64."""
        return 1.0 + NUMERICAL

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0, since C(theta) = L x for every theta."""
        return torch.zeros_like(lower)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0, since C is constant."""
        return torch.zeros_like(lower)


@dataclass(frozen=True)
class OnTorus(Transformation):
    """A transformation whose attack and action multiply Fourier coefficients in the same way.

    So it is exact: L psi_theta(x) = T_theta L x for every image.
    """

    image_px: tuple[int, int] | None = None
    bounds_class = OnTorusBounds

    @abstractmethod
    def move(self, coefficients: Tensor, omega: tuple[Tensor, Tensor], *theta: Tensor) -> Tensor:
        """Transform coefficients by theta.

        Args:
            coefficients: (N, C, rows, columns), with or without the alternating ones.
            omega: Frequencies (rows,) and (columns,), radians a pixel.
            *theta: Parameters, (N, 1) each.
        """

    @property
    def z_space(self) -> str:
        """The same name for all transformations on the torus, which commute."""
        return Z_SPACE

    @property
    def exact(self) -> bool:
        """True: psi maps the span of every pair to itself, so that L psi_theta(x) = T_theta L x."""
        return True

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """This transformation for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: all coefficients of the images moved by theta (N, 1) each, (N, C, H, W)."""
        whole = spectrum(*self.size_px)
        moved = self.move(whole.analyse(x), whole.frequencies(x), *theta)
        return whole.synthesise(moved)

    def lift(self, x: Tensor) -> Tensor:
        """L: real Fourier coefficients, (N, C, H, W) -> (N, C * K)."""
        rows, cols = (len(axis.omega) for axis in (self.basis.rows, self.basis.cols))
        return spectrum(*self.size_px).analyse(x)[..., :rows, :cols].flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L; L Q = id."""
        return self.basis.synthesise(self.basis.grid(z))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: the coefficients of z transformed like those of an image."""
        moved = self.move(self.basis.grid(z), self.basis.frequencies(z), *theta)
        return moved.flatten(1)

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant of every channel."""
        return self.basis.constants(z)

    @property
    def basis(self) -> Separable:
        """L, and the frequencies of z."""
        return kept(*self.size_px)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width; ValueError before ``for_shape``."""
        return known_size(self.name, self.image_px)

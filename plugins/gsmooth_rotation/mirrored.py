"""Every orientation of an image and of its mirror image: the group O(2), which does not commute."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import torch
from torch import Tensor

from gsmooth import Parameter, TransformationBounds
from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.attack import turned
from gsmooth_rotation.rotation import Rotation, RotationBounds

if TYPE_CHECKING:
    Columns = tuple[Tensor, ...]


class RotationMirrorBounds(RotationBounds):
    # Originals of mirrored images are not enclosed.
    preimages = TransformationBounds.preimages  # type: ignore[assignment]
    # Between an image and its mirror image there is nothing to interpolate.
    action_curvature = TransformationBounds.action_curvature

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """That of the rotation: mirror images change signs only."""
        return self.of.coordinates.action_error(z, reach[:1], offset[:1])

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """That of the rotation, and 2 ||z - fixed part||, which no mirror image exceeds."""
        turning = self.of.coordinates.action_derivative(z)
        if turning is None:
            return None
        moving = (z - self.of.fixed_part(z)).norm(dim=1, keepdim=True)
        return torch.cat([turning, 2.0 * moving * (1.0 + 1e-9)], dim=1)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||dC / d angle|| over each cell, (n, 2) -> (n, 2).

        With F the mirror image, C(angle, 1) = F T_(-angle) L psi_angle(F x): F keeps lengths, so
        its derivative is as long as that of the rotation of F x.
        """
        return self._by_image(self.of.coordinates.derivative_bound, x, lower, upper)

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor | None:
        """That of the rotation of x or of F x; inf for cells that hold both images.

        F keeps lengths and turns A into -A, so F of start and end have what is asked of these.
        """
        found = lower.new_full((len(lower),), math.inf)
        for odd, image in ((False, x), (True, x.flip(3))):
            rows = ((lower[:, 1] % 2.0 == 1.0) == odd) & (lower == upper)[:, 1]
            if not bool(rows.any()):
                continue
            ends = lower[rows, :1], upper[rows, :1], start[rows], end[rows]
            own = self.of.coordinates.chord_bound(image, *ends)
            if own is None:
                return None
            found[rows] = own
        return found

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d angle|| over each cell, that of the rotation of x or of F x."""
        found = self._by_image(self.of.coordinates.attack_derivative_bound, x, lower, upper)
        assert found is not None
        return found

    def _by_image(
        self,
        bound: Callable[[Tensor, Tensor, Tensor], Tensor | None],
        x: Tensor,
        lower: Tensor,
        upper: Tensor,
    ) -> Tensor | None:
        """``bound`` by the angle, of x or of its mirror image, and 0 by ``flip``.

        Cells that hold both images hold attacks between which nothing is known: inf.
        """
        found = torch.zeros_like(lower)
        for odd, image in ((False, x), (True, x.flip(3))):
            rows = (lower[:, 1] % 2.0 == 1.0) == odd
            if not bool(rows.any()):
                continue
            own = bound(image, lower[rows, :1], upper[rows, :1])
            if own is None:
                return None
            found[rows, :1] = own
        return found.masked_fill((upper > lower)[:, 1:], math.inf)


@final
@dataclass(frozen=True)
class RotationMirror(Rotation):
    """Rotation by ``angle`` degrees of the image (flip 0) or of its mirror image (flip 1) (T7).

    Attack: left and right are exchanged, exactly, then the image is turned as by ``rotation``.
    Action: T_(angle, flip) = R^angle F^flip on the polar Fourier coefficients. F multiplies the
    real part of order m by (-1)^m and the imaginary part by -(-1)^m, which is what the mirror image
    does to rings of an even number of samples. F R = R^-1 F: the product of (a, s) and (b, t) is (a
    + b, s + t) for even s and (a - b, s + t) for odd s. So both parameters carry Haar noise: all of
    O(2) then costs what the rotation's residual costs.

    Not for labels that orientation or mirror images tell apart. Options are those of ``rotation``.
    """

    name: ClassVar[str] = "rotation-mirror"
    summary: ClassVar[str] = "rotations of the image and of its mirror image, with Haar noise"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *Rotation.parameters,
        Parameter(
            "flip", "mirror images", "1: mirrored first, 0: not", step=1.0, period=2.0, whole=True
        ),
    )
    bounds_class = RotationMirrorBounds

    def product(self, first: Columns, second: Columns) -> Columns:
        """theta with T_first T_second = T_theta."""
        way = 1.0 - 2.0 * (first[1] % 2.0)
        return first[0] + way * second[0], first[1] + second[1]

    def inverse(self, theta: Columns) -> Columns:
        """The element itself where it mirrors, else the turn back."""
        return -theta[0] * (1.0 - 2.0 * (theta[1] % 2.0)), -theta[1]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: mirrored where theta[1] is odd, then turned by theta[0] degrees, (N, C, H, W)."""
        flip = theta[1].reshape(-1, 1, 1, 1)
        if bool((flip != flip.round()).any()):
            fraction = float(flip[flip != flip.round()][0].detach())
            raise ValueError(f"{self.name}: flip={fraction:g} is no whole number of mirror images")
        return turned(torch.where(flip % 2.0 == 1.0, x.flip(3), x), theta[0].reshape(-1))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """R^theta[0] F^theta[1] z; a fraction of a flip stands for the nearest whole number."""
        space, odd = self.coordinates, theta[1].reshape(-1, 1).round() % 2.0 == 1.0
        if isinstance(space, PolarSpace):
            return space.act(torch.where(odd, space.mirrored(z), z), theta[0].reshape(-1, 1))
        return space.act(z, *(value.reshape(-1, 1) for value in theta))

    @property
    def z_space(self) -> str:
        """Name of the z-space; a rotation does not commute with mirror images."""
        return f"{super().z_space} and mirror images"

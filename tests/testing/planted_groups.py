"""Groups that do not add up: an honest one, and those that are wrong about themselves (T7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from gsmooth.transforms.base import Parameter, Transformation

if TYPE_CHECKING:
    Columns = tuple[Tensor, ...]

FLIP = Parameter("flip", "1", step=1.0, period=2.0, whole=True)


def rotated(z: Tensor, degrees: Tensor, first: int = 0, second: int = 1) -> Tensor:
    """z (N, 3 n): two of three parts turned by angles (N, 1)."""
    parts = list(z.reshape(len(z), 3, -1).unbind(dim=1))
    cos, sin = (f(degrees * (math.pi / 180.0)) for f in (torch.cos, torch.sin))
    x, y = parts[first], parts[second]
    parts[first], parts[second] = cos * x - sin * y, sin * x + cos * y
    return torch.stack(parts, dim=1).reshape(z.shape)


@dataclass(frozen=True)
class Plane(Transformation):
    """Correct: rotations and mirror images of a plane, T = R^angle F^flip; F negates y."""

    name: ClassVar[str] = "plane"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("angle", "deg", usual=90.0, period=360.0),
        FLIP,
    )
    orthogonal: ClassVar[bool] = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        sign = 1.0 - 2.0 * (theta[1].round() % 2.0)
        parts = z.reshape(len(z), 3, -1) * torch.stack([sign**0, sign, sign**0], dim=1)
        return rotated(parts.reshape(z.shape), self.degrees(theta[0]))

    def degrees(self, angle: Tensor) -> Tensor:
        return angle

    def product(self, first: Columns, second: Columns) -> Columns:
        way = 1.0 - 2.0 * (first[1] % 2.0)
        return first[0] + way * second[0], first[1] + second[1]

    def inverse(self, theta: Columns) -> Columns:
        return -theta[0] * (1.0 - 2.0 * (theta[1] % 2.0)), -theta[1]


class Adding(Plane):
    """Its product adds up, as if mirror images commuted with rotations."""

    def product(self, first: Columns, second: Columns) -> Columns:
        return first[0] + second[0], first[1] + second[1]


class Negating(Plane):
    """Its inverse negates, as if mirror images commuted with rotations."""

    def inverse(self, theta: Columns) -> Columns:
        return -theta[0], -theta[1]


class Uneven(Plane):
    """A parameter that runs through one half of the circle slower than through the other.

    Product and inverse are right, but uniform parameters are not uniform on the group.
    """

    def degrees(self, angle: Tensor) -> Tensor:
        inside = angle % 360.0
        return torch.where(inside < 240.0, inside / 2.0, 2.0 * inside - 360.0)

    def product(self, first: Columns, second: Columns) -> Columns:
        way = 1.0 - 2.0 * (first[1] % 2.0)
        return self._at(self.degrees(first[0]) + way * self.degrees(second[0])), first[1] + second[
            1
        ]

    def inverse(self, theta: Columns) -> Columns:
        way = 1.0 - 2.0 * (theta[1] % 2.0)
        return self._at(-way * self.degrees(theta[0])), -theta[1]

    @staticmethod
    def _at(degrees: Tensor) -> Tensor:
        inside = degrees % 360.0
        return torch.where(inside < 120.0, 2.0 * inside, inside / 2.0 + 180.0)


@dataclass(frozen=True)
class AboutZ(Transformation):
    """Rotations of space about its third axis."""

    name: ClassVar[str] = "about-z"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("yaw", "deg", usual=90.0, period=360.0),
    )
    orthogonal: ClassVar[bool] = True
    z_space: ClassVar[str] = "space"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return rotated(z, theta[0])


@dataclass(frozen=True)
class AboutX(Transformation):
    """Rotations of space about its first axis."""

    name: ClassVar[str] = "about-x"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("roll", "deg", usual=60.0),)
    orthogonal: ClassVar[bool] = True
    z_space: ClassVar[str] = "space"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return rotated(z, theta[0], 1, 2)


@dataclass(frozen=True)
class Gimbal(Transformation):
    """Both, roll first, as if they commuted."""

    name: ClassVar[str] = "gimbal"
    parameters: ClassVar[tuple[Parameter, ...]] = (*AboutZ.parameters, *AboutX.parameters)
    orthogonal: ClassVar[bool] = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return rotated(rotated(z, theta[1], 1, 2), theta[0])

"""Transformations that work in a z-space of their own: lift, action and bounds in one object."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds

if TYPE_CHECKING:
    from torch import Tensor

    from gsmooth.geometry.space import Size, Space


T_co = TypeVar("T_co", bound="InSpace", covariant=True)


class SpaceBounds(TransformationBounds[T_co]):
    """Bounds on lift and action that the z-space gives."""

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d T z / d theta_i||; None where the space has no action."""
        return self.of.coordinates.action_derivative(z)

    def action_curvature(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d^2 T z / d theta_i^2||; None where the space knows none."""
        return self.of.coordinates.action_curvature(z)

    def lift_norm(self, shape: Size) -> float:
        """Upper bound on ||L||."""
        return self.of.coordinates.norm(shape)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """l2 bound on the float64 error of T z."""
        return self.of.coordinates.action_error(z, reach, offset)


class AttackInSpaceBounds(SpaceBounds[T_co]):
    """Bounds of a transformation whose attack the space bounds as well."""

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||dC / d theta_i|| over cells (n, m), per unit; None: nothing can be pulled back."""
        return self.of.coordinates.derivative_bound(x, lower, upper)

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor | None:
        """How far C leaves its chord on cells (n, m): b (n,); None where no bound is known."""
        return self.of.coordinates.chord_bound(x, lower, upper, start, end)

    def patch_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor
    ) -> Tensor | None:
        """How far C leaves the interpolation between its corners (n, 2^m, K): (n, m), or None."""
        return self.of.coordinates.patch_bound(x, lower, upper, corners)

    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        """A step of a parameter after which C is the same again, and its error."""
        return self.of.coordinates.recurrence(x, axis)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||d^2 C / d theta_i^2|| over cells (n, m); None where no bound is known."""
        return self.of.coordinates.curvature_bound(x, lower, upper)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d theta_i|| over cells (n, m), per unit."""
        return self.of.coordinates.attack_derivative_bound(x, lower, upper)


class InSpace(Transformation):
    """A transformation whose lift and action are those of a :class:`Space`."""

    bounds_class: ClassVar[type[SpaceBounds[Any]]] = SpaceBounds

    @property
    @abstractmethod
    def coordinates(self) -> Space:
        """The z-space that the options choose; ValueError where it depends on an unknown size."""

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, K)."""
        return self.coordinates.lift(x)

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """Q: (N, K) -> (N, *shape)."""
        return self.coordinates.readout(z, shape)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T_theta z, row by row: z (N, K), each theta (N, 1) -> (N, K)."""
        return self.coordinates.act(z, *(value.reshape(-1, 1) for value in theta))

    def fixed_part(self, z: Tensor) -> Tensor:
        """The projection of z on what no theta moves."""
        return self.coordinates.fixed_part(z)


class BoundedInSpace(InSpace):
    """A transformation whose attack the space bounds as well."""

    bounds_class: ClassVar[type[AttackInSpaceBounds[Any]]] = AttackInSpaceBounds

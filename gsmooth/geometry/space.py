"""The class Space: lift, readout and action of a transformation, with their bounds.

A transformation whose lift has options chooses a Space by these options and delegates to it; see
``gsmooth.transforms.in_space``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

Size = tuple[int, int, int]
"""Channels, height and width of an image."""


class Space(ABC):
    """Lift L, readout Q and action T for one choice of options, with the bounds that covers need.

    Images are (N, C, H, W) and z is (N, K), float64; theta is one column (N, 1) for each of m
    parameters, in its unit; cells of parameters are lower, upper (n, m). Bounds are rounded
    outwards and have the meaning of the methods of the same name of ``Transformation``. By default
    there is no bound (None).
    """

    @abstractmethod
    def norm(self, shape: Size) -> float:
        """Upper bound on ||L|| for images (C, H, W)."""

    @abstractmethod
    def lift(self, x: Tensor) -> Tensor:
        """L x: (N, C, H, W) -> (N, K)."""

    @abstractmethod
    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """Q z: (N, K) -> (N, *shape); the adjoint of L, or near it."""

    @abstractmethod
    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T_theta z: (N, K) -> (N, K)."""

    @abstractmethod
    def fixed_part(self, z: Tensor) -> Tensor:
        """Project z (N, K) orthogonally on the subspace that no T_theta moves."""

    def longest(self, half: Tensor) -> Tensor:
        """Bound sup ||L v|| over |v| <= half pixel by pixel: (n, C, H, W) -> (n,).

        The result is not rounded up; the default is ||L|| ||half||.
        """
        channels, height, width = half.shape[1:]
        longest: Tensor = self.norm((channels, height, width)) * half.flatten(1).norm(dim=1)
        return longest

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d T z / d theta_i||, (N, K) -> (N, m)."""
        return None

    def action_curvature(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d^2 T z / d theta_i^2||, (N, K) -> (N, m)."""
        return None

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the l2 norm of the float64 error of T z for |theta_i| <= reach_i.

        theta_i itself may have an error of offset_i. The default, 0, is right for the identity.
        """
        return 0.0

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup over cells of ||d T_(-theta) L psi / d theta_i||, (n, m)."""
        return None

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup over cells of ||d^2 T_(-theta) L psi / d theta_i^2||, (n, m)."""
        return None

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor | None:
        """Bound b (n,) on how far T_(-theta) L psi leaves its chord: by 4 s (1 - s) b."""
        return None

    def patch_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor
    ) -> Tensor | None:
        """Bounds b (n, m) on how far T_(-theta) L psi leaves the interpolation between corners."""
        return None

    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        """A step after which T_(-theta) L psi is the same again, and its error."""
        return None

    @abstractmethod
    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup over cells of ||d L psi / d theta_i||, (n, m)."""

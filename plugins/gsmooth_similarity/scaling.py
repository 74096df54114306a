"""Scaling about the image centre: a similarity that does not turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_similarity.similarity import SCALE_PARAMETER, Similarity
from gsmooth_similarity.space import SCALE

ONLY = (SCALE,)


@final
@dataclass(frozen=True)
class Scaling(Transformation):
    """Growing by a factor of exp(``scale``) about the point between the middle pixels.

    A similarity with angle 0, which says what the attack, the action and the options are.
    """

    low_pass_px: float = 0.5
    low_pass_share: float = 0.1
    radius_px: float | None = None
    knee_px: float | None = None
    pad_ln: float = 1.2
    space: Literal["log-polar", "pixels"] = "log-polar"

    name: ClassVar[str] = "scaling"
    summary: ClassVar[str] = "scaling about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (SCALE_PARAMETER,)
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 16
    least_side_px: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _ = self.similarity

    @property
    def similarity(self) -> Similarity:
        """The similarity with these options; ValueError where they make no sense."""
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px, self.pad_ln
        try:
            return Similarity(*sizes, self.space)
        except ValueError as fault:
            raise ValueError(str(fault).replace("similarity", "scaling")) from None

    def for_shape(self, shape: tuple[int, int, int]) -> Scaling:
        """This scaling with disc and knee fixed for images (C, H, W)."""
        bound = self.similarity.for_shape(shape)
        return replace(self, radius_px=bound.radius_px, knee_px=bound.knee_px)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: exp(theta[0]) as large, (N, C, H, W)."""
        return self.similarity.attack(x, torch.zeros_like(theta[0]), theta[0])

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, C * K), the mask of the disc included."""
        return self.similarity.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the lift's adjoint but for weights."""
        return self.similarity.readout(z, shape)

    @property
    def has_action(self) -> bool:
        """Not in pixels: interpolation breaks the law of composition there."""
        return self.similarity.has_action

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: phases along ln r; in pixels nothing but T_0 = id."""
        return self.similarity.act(z, torch.zeros_like(theta[0]), theta[0])

    @property
    def z_space(self) -> str:
        """That of the similarity."""
        return self.similarity.z_space

    def fixed_part(self, z: Tensor) -> Tensor:
        """Means along ln r, order by order."""
        return self.similarity.coordinates.fixed_part(z, ONLY)

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """||A z|| per ln; None in pixels."""
        return self.similarity.coordinates.action_derivative(z, ONLY)

    def keeps_range(self, low: float, high: float) -> bool:
        """Interpolation averages, and what comes in from outside is 0."""
        return self.similarity.keeps_range(low, high)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """Upper bound on ||L||; channels do not mix."""
        return self.similarity.lift_norm(shape)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Float64 error of the phases, relative to the norm of z."""
        return self.similarity.action_error(z, (0.0, *reach), (0.0, *offset))

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Derivative of the pulled-back image (C3b), per unit of log-scale; None in pixels.

        (n, 1) -> (n, 1).
        """
        space = self.similarity.coordinates
        return space.derivative_bound(x, _upright(lower), _upright(upper), ONLY)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Derivative of the attacked image (C3), per unit of log-scale, (n, 1) -> (n, 1)."""
        space = self.similarity.coordinates
        return space.attack_derivative_bound(x, _upright(lower), _upright(upper), ONLY)


def _upright(scale: Tensor) -> Tensor:
    """theta = (0, scale), (n, 2)."""
    return torch.cat([torch.zeros_like(scale), scale], dim=1)

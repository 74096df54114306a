"""Additive perturbations: no parameters, the region is an l2 ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gsmooth import Transformation, TransformationBounds


class GaussianBounds(TransformationBounds["Gaussian"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """0, since the identity does no arithmetic."""
        return 0.0


@final
@dataclass(frozen=True)
class Gaussian(Transformation):
    """psi_e(x) = x + e with ||e||_2 below a radius, in the units of the input range.

    The action is the identity; all noise is that of std ``sigma`` on the pixels. Source: Cohen,
    Rosenfeld, Kolter (2019), Theorem 1 (T1: a share p of votes certifies the l2 radius sigma
    Phi^-1(p)).
    """

    name: ClassVar[str] = "gaussian"
    usual_sigma: ClassVar[float] = 0.25
    summary: ClassVar[str] = "additive perturbation of bounded l2 norm"
    orthogonal: ClassVar[bool] = True
    bounds_class = GaussianBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """The identity."""
        return z

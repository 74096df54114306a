"""Scaling about the image centre: bilinear attack, action in log-polar coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from gsmooth import Parameter
from gsmooth_similarity.attack import SCALE, warped
from gsmooth_similarity.bounds import Axes
from gsmooth_similarity.log_polar import LogPolar

SCALE_PARAMETER: Final = Parameter(
    "scale",
    "ln",
    "natural logarithm of the factor by which things grow: 30% smaller is ln 0.7 = -0.357, 30%"
    " larger is ln 1.3 = 0.262",
    usual=0.1,
)


@final
@dataclass(frozen=True)
class Scaling(LogPolar):
    """Scaling by the factor exp(``scale``) about the point between the middle pixels."""

    name: ClassVar[str] = "scaling"
    summary: ClassVar[str] = "scaling about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (SCALE_PARAMETER,)
    default_centres: ClassVar[int] = 16
    axes: ClassVar[Axes] = (SCALE,)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: exp(theta[0]) as large, (N, C, H, W)."""
        scale = theta[0].reshape(-1)
        return warped(x, torch.zeros_like(scale), scale)

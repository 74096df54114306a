"""Rotation and scaling about the image centre: bilinear attack, action in log-polar coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gsmooth import Parameter
from gsmooth_similarity.attack import ANGLE, SCALE, warped
from gsmooth_similarity.bounds import Axes
from gsmooth_similarity.log_polar import LogPolar
from gsmooth_similarity.scaling import SCALE_PARAMETER


@final
@dataclass(frozen=True)
class Similarity(LogPolar):
    """Rotation by ``angle`` degrees, anticlockwise, and scaling by the factor exp(``scale``).

    One interpolation does both; the attack equals scipy.ndimage.affine_transform(order=1,
    mode="grid-constant"). The two parameters commute.
    """

    name: ClassVar[str] = "similarity"
    summary: ClassVar[str] = "turning and scaling about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("angle", "deg", "anticlockwise about the image centre", usual=5.0, period=360.0),
        SCALE_PARAMETER,
    )
    default_centres: ClassVar[int] = 48
    axes: ClassVar[Axes] = (ANGLE, SCALE)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: turned by theta[0] degrees and exp(theta[1]) as large, (N, C, H, W)."""
        return warped(x, theta[0].reshape(-1), theta[1].reshape(-1))

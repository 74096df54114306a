"""Turning and scaling about the image centre: bilinear attack, action in log-polar coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_similarity.phases import LogPolarSpace
from gsmooth_similarity.pixels import PixelSpace
from gsmooth_similarity.space import ANGLE, SCALE, Space, warped

BOTH = (ANGLE, SCALE)
SCALE_PARAMETER = Parameter(
    "scale",
    "ln",
    "natural logarithm of the factor by which things grow: 30% smaller is ln 0.7 = -0.357, 30%"
    " larger is ln 1.3 = 0.262",
    usual=0.1,
)


@final
@dataclass(frozen=True)
class Similarity(Transformation):
    """Turning by ``angle`` degrees, anticlockwise, and growing by a factor of exp(``scale``).

    Both about the point between the middle pixels, by one bilinear interpolation with zeros around
    the image, whose size stays; equal to scipy.ndimage.affine_transform(order=1,
    mode="grid-constant"). The two parameters commute.
    Action: phases on the Fourier coefficients of the image in log-polar coordinates; exact,
    orthogonal, and cyclic in both directions.

    low_pass_px, low_pass_share: the lift's Gaussian low-pass has the std hypot(low_pass_px,
    low_pass_share * r) at radius r, in pixels. A low-pass that grows with r is what commutes with
    scaling; low_pass_px keeps the pixel grid out near the centre. More blur makes the interpolation
    error smaller and the network's work harder; low_pass_share also sets the number of orders.
    radius_px: radius of the disc that the lift sees; by default 1 px inside the inscribed circle,
    and in pixels the whole image.
    knee_px: noise of std sigma is like pixel noise of std sigma * max(1, r / knee_px). Inside the
    knee scaling changes the norm of the lifted image and leaves a residual. By default radius_px/4.
    pad_ln: empty rings, in ln r, before what is moved out of the disc comes back at the other end;
    regions wider than that leave a residual, noise wider than that costs accuracy.
    space: where noise is added. "log-polar": to the coefficients, where the action is exact.
    "pixels": to the pixels as they are (no option but radius_px plays a part); there is no action
    then, so the parameters can carry no noise, and covers need many centres (T = id).
    """

    low_pass_px: float = 0.5
    low_pass_share: float = 0.1
    radius_px: float | None = None
    knee_px: float | None = None
    pad_ln: float = 1.2
    space: Literal["log-polar", "pixels"] = "log-polar"

    name: ClassVar[str] = "similarity"
    summary: ClassVar[str] = "turning and scaling about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("angle", "deg", "anticlockwise about the image centre", usual=5.0),
        SCALE_PARAMETER,
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 48
    least_side_px: ClassVar[int] = 2

    def __post_init__(self) -> None:
        for field, value in (
            ("low_pass_px", self.low_pass_px),
            ("low_pass_share", self.low_pass_share),
            ("radius_px", self.radius_px),
            ("knee_px", self.knee_px),
        ):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"similarity: {field}={value} must be a positive number")
        if self.low_pass_share > 1.0:
            raise ValueError(
                f"similarity: low_pass_share={self.low_pass_share} must be at most 1, a low-pass as"
                " wide as the radius"
            )
        if not (math.isfinite(self.pad_ln) and self.pad_ln >= 0.0):
            raise ValueError(f"similarity: pad_ln={self.pad_ln} must be a number >= 0")
        if self.space not in ("log-polar", "pixels"):
            raise ValueError(f"similarity: space={self.space!r} must be 'log-polar' or 'pixels'")

    def for_shape(self, shape: tuple[int, int, int]) -> Similarity:
        """This similarity with disc and knee fixed for images (C, H, W)."""
        height, width = shape[1:]
        whole = math.hypot(height, width) / 2
        inside = max(min(height, width) / 2 - 1, 0.5)
        radius = self.radius_px or (whole if self.space == "pixels" else inside)
        return replace(self, radius_px=radius, knee_px=self.knee_px or radius / 4)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: turned by theta[0] degrees and exp(theta[1]) as large, (N, C, H, W)."""
        return warped(x, theta[0].reshape(-1), theta[1].reshape(-1))

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, C * K), the mask of the disc included."""
        return self.coordinates.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the lift's adjoint but for weights: no part of the disc is darker than another."""
        return self.coordinates.readout(z, shape)

    @property
    def has_action(self) -> bool:
        """Not in pixels: interpolation breaks the law of composition there."""
        return self.space == "log-polar"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: phases along the angle and along ln r; in pixels nothing but T_0 = id."""
        return self.coordinates.act(z, torch.cat([value.reshape(-1, 1) for value in theta], dim=1))

    @property
    def z_space(self) -> str:
        """Everything that the lift depends on."""
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px, self.pad_ln
        return f"similarity {self.space} {sizes}"

    def fixed_part(self, z: Tensor) -> Tensor:
        """The mean over rings and angles."""
        return self.coordinates.fixed_part(z, BOTH)

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """||A_i z||, per degree and per ln; None in pixels."""
        return self.coordinates.action_derivative(z, BOTH)

    def keeps_range(self, low: float, high: float) -> bool:
        """Interpolation averages, and what comes in from outside is 0."""
        return low <= 0.0 <= high

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """Upper bound on ||L||; channels do not mix."""
        return self.coordinates.norm(shape)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Float64 error of the phases, relative to the norm of z."""
        return self.coordinates.action_error(z, reach, offset)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Derivative of the pulled-back image (C3b), per degree and per ln; None in pixels.

        (n, 2) -> (n, 2).
        """
        return self.coordinates.derivative_bound(x, lower, upper, BOTH)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Derivative of the attacked image (C3), per degree and per ln, (n, 2) -> (n, 2)."""
        return self.coordinates.attack_derivative_bound(x, lower, upper, BOTH)

    @property
    def coordinates(self) -> Space:
        """The z-space that the options choose; ValueError before ``for_shape``."""
        if self.radius_px is None or self.knee_px is None:
            raise ValueError("the disc is not fixed yet; call for_shape((channels, height, width))")
        if self.space == "pixels":
            return PixelSpace(self.radius_px)
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px
        return LogPolarSpace(*sizes, self.pad_ln)

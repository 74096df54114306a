"""The base class of scaling and similarity, with their options and the choice of z-space."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from gsmooth.geometry.space import Space
from gsmooth.transforms.in_space import BoundedInSpace
from gsmooth_similarity.action import DiscPixels, LogPolarSpace
from gsmooth_similarity.bounds import Axes


@dataclass(frozen=True)
class LogPolar(BoundedInSpace):
    """Bilinear warps about the point between the middle pixels, by the parameters on ``axes``.

    Zeros are around the image, whose size stays. Action: phases on the Fourier coefficients of the
    image in log-polar coordinates; exact, orthogonal, and cyclic in both directions.

    low_pass_px, low_pass_share: the lift's Gaussian low-pass has the std hypot(low_pass_px,
    low_pass_share * r) at radius r, in pixels. A std proportional to r commutes with scaling;
    low_pass_px suppresses the pixel grid near the centre. A larger std reduces the interpolation
    error and removes details; low_pass_share also determines the number of orders.
    radius_px: radius of the disc that the lift keeps; by default 1 px inside the inscribed circle,
    and for "pixels" the whole image.
    knee_px: noise of std sigma is like pixel noise of std sigma * max(1, r / knee_px). Inside the
    knee scaling changes the norm of the lifted image, which gives a residual. Default: radius_px/4.
    pad_ln: width of the empty rings, in ln r. Content that moves out of the disc by more comes back
    at the other end: wider regions have a residual, wider noise costs accuracy.
    space: where noise is added. "log-polar": to the coefficients, on which the action is exact.
    "pixels": to the pixels (only radius_px has an effect). There is then no action, so no noise on
    the parameters is possible, and covers need many centres (T = id).
    """

    low_pass_px: float = 0.5
    low_pass_share: float = 0.1
    radius_px: float | None = None
    knee_px: float | None = None
    pad_ln: float = 1.2
    space: Literal["log-polar", "pixels"] = "log-polar"

    orthogonal: ClassVar[bool] = True
    least_side_px: ClassVar[int] = 2
    axes: ClassVar[Axes]

    def __post_init__(self) -> None:
        for field, value in (
            ("low_pass_px", self.low_pass_px),
            ("low_pass_share", self.low_pass_share),
            ("radius_px", self.radius_px),
            ("knee_px", self.knee_px),
        ):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{self.name}: {field}={value} must be a positive number")
        if self.low_pass_share > 1.0:
            raise ValueError(
                f"{self.name}: low_pass_share={self.low_pass_share} must be at most 1, a"
                " low-pass as wide as the radius"
            )
        if not (math.isfinite(self.pad_ln) and self.pad_ln >= 0.0):
            raise ValueError(f"{self.name}: pad_ln={self.pad_ln} must be a number >= 0")
        if self.space not in ("log-polar", "pixels"):
            raise ValueError(f"{self.name}: space={self.space!r} must be 'log-polar' or 'pixels'")

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """The transformation for images (C, H, W), with default disc and knee computed."""
        height, width = shape[1:]
        whole = math.hypot(height, width) / 2
        inside = max(min(height, width) / 2 - 1, 0.5)
        radius = self.radius_px or (whole if self.space == "pixels" else inside)
        return replace(self, radius_px=radius, knee_px=self.knee_px or radius / 4)

    @property
    def has_action(self) -> bool:
        """False for pixels, where interpolated warps do not compose."""
        return self.space == "log-polar"

    @property
    def z_space(self) -> str:
        """Name of the z-space, with all options of the lift."""
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px, self.pad_ln
        return f"similarity {self.space} {sizes}"

    def keeps_range(self, low: float, high: float) -> bool:
        """True for ranges with 0: interpolation averages, and pixels from outside are 0."""
        return low <= 0.0 <= high

    @property
    def coordinates(self) -> Space:
        """The z-space for the options; ValueError before ``for_shape``."""
        if self.radius_px is None or self.knee_px is None:
            raise ValueError("the disc is not fixed yet; call for_shape((channels, height, width))")
        if self.space == "pixels":
            return DiscPixels(self.radius_px, self.axes)
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px
        return LogPolarSpace(*sizes, self.pad_ln, self.axes)

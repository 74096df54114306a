"""Rotation about the image centre: bilinear attack, exact action in polar Fourier coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal, Self

from torch import Tensor

from gsmooth import Parameter
from gsmooth.errors import ConfigurationError
from gsmooth.geometry.normalization import Normalization
from gsmooth.geometry.space import Space
from gsmooth.transforms.base import Enclosure
from gsmooth.transforms.in_space import AttackInSpaceBounds, BoundedInSpace
from gsmooth_rotation.action import DiscPixels, PolarSpace
from gsmooth_rotation.attack import turned
from gsmooth_rotation.preimages import enclose
from gsmooth_rotation.settings import ROTATION
from gsmooth_rotation.views import VIEWS, ViewName, cropped, inscribed_side, restored

_FIRST: Final = (0.0, "adjoint")
"""Edge and view of the first release: names of z-spaces in its records leave them out."""


class RotationBounds(AttackInSpaceBounds["Rotation"]):
    def preimages(self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Enclosure:
        """Balls around L of every original before normalization; see ``preimages``."""
        found = enclose(self.of.coordinates, x, lower, upper, rounding)
        return replace(found, centre=self.of.centred(found.centre, _size(x)))

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """Quarter turns: without interpolation an image lies far from those beside it."""
        if axis > 0:
            return ()
        first, last = math.ceil(lower / 90.0), math.floor(upper / 90.0)
        return tuple(90.0 * number for number in range(first, last + 1))


@dataclass(frozen=True)
class Rotation(BoundedInSpace):
    """Rotation by ``angle`` degrees, anticlockwise, about the point between the middle pixels.

    Attack: Kornia's bilinear rotation, zero padding, pixel centres at integers (align_corners);
    equal to scipy.ndimage.rotate(x, angle, order=1, reshape=False, mode="grid-constant").
    Action: the phase exp(-i m angle) on polar Fourier coefficients; exact and orthogonal.

    low_pass_px: std of the Gaussian low-pass of the lift, in pixels; a larger one reduces the
    interpolation error and removes details that the network could use.
    radius_px: radius of the disc that the lift keeps; by default 1 px inside the inscribed circle.
    ring_step_px: distance between the rings, in pixels.
    space: where noise is added. "polar": to the coefficients, on which the action is exact.
    "pixels": to the disc's pixels (low_pass_px and ring_step_px have no effect). There is then no
    action, so no noise on the angle is possible, and covers need many centres (T = id).
    edge_px: width of the disc's soft edge, in pixels: the weight of its rings falls to 0 there, so
    that what interpolation does at the rim weighs less, and what is seen there as well. 0: a hard
    edge.
    view: what the network sees. "adjoint": the adjoint of the lift, a second blur, black outside
    the disc. "wiener": that blur undone as far as noise allows, and outside the mean of the image.
    "crop" and "wiener-crop": of these the square inside the disc, a smaller input.
    contrast: by default images keep theirs. A number: every channel loses its mean over the disc,
    and the image is multiplied so that its pixels have this standard deviation there, all channels
    together. Noise then hides no more of a dark image than of a bright one. Not with an l2 ball,
    rounded pixels, other guarantees than individual, or in a composition.
    least_contrast: images whose standard deviation is smaller are multiplied as if it were this.
    """

    low_pass_px: float = 0.7
    radius_px: float | None = None
    ring_step_px: float = 1.0
    space: Literal["polar", "pixels"] = "polar"
    # Added after runs had been recorded: the defaults of these two may never change.
    edge_px: float = field(default=0.0, metadata={"added": True})
    view: ViewName = field(default="adjoint", metadata={"added": True})
    contrast: float | None = field(default=None, metadata={"added": True})
    least_contrast: float = field(default=0.02, metadata={"added": True})

    name: ClassVar[str] = "rotation"
    summary: ClassVar[str] = "rotation about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("angle", "deg", "anticlockwise about the image centre", usual=10.0, period=360.0),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 24
    usual_sigma: ClassVar[float] = 0.15
    least_side_px: ClassVar[int] = 2
    bounds_class = RotationBounds

    def __post_init__(self) -> None:
        for option, value in (
            ("low_pass_px", self.low_pass_px),
            ("radius_px", self.radius_px),
            ("ring_step_px", self.ring_step_px),
        ):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"rotation: {option}={value} must be a positive number of pixels")
        if self.space not in ("polar", "pixels"):
            raise ValueError(f"rotation: space={self.space!r} must be 'polar' or 'pixels'")
        if not (math.isfinite(self.edge_px) and self.edge_px >= 0.0):
            raise ValueError(f"rotation: edge_px={self.edge_px} must be a number of pixels, or 0")
        if self.view not in VIEWS:
            raise ValueError(f"rotation: view={self.view!r} must be one of {', '.join(VIEWS)}")
        self._check_contrast()
        if self.space == "pixels" and (self.edge_px > 0.0 or self.view.startswith("wiener")):
            raise ValueError(
                "rotation: a soft edge and the view 'wiener' are for space='polar'; with 'pixels'"
                " leave edge_px at 0, and choose the view 'adjoint' or 'crop'"
            )

    def _check_contrast(self) -> None:
        for option, value in (
            ("contrast", self.contrast),
            ("least_contrast", self.least_contrast),
        ):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"rotation: {option}={value} must be a positive number")
        if self.contrast is not None and (self.space == "pixels" or self.view.startswith("wiener")):
            raise ValueError(
                "rotation: contrast is for space='polar' and the views 'adjoint' and 'crop'; leave"
                " it out, or choose these"
            )

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """This rotation with its disc fixed for images (C, H, W)."""
        if self.radius_px is not None:
            if self.edge_px > self.radius_px:
                raise ConfigurationError(
                    f"rotation: edge_px={self.edge_px:g} is larger than the radius of the disc,"
                    f" {self.radius_px:g} px; give at most that"
                )
            return self
        inside = min(shape[1], shape[2]) / 2 - 1
        if inside <= 0.0:
            raise ConfigurationError(
                f"rotation: images of {shape[1]} x {shape[2]} px hold no disc 1 px inside their"
                " inscribed circle; give radius_px, or images of 3 x 3 px at least"
            )
        return replace(self, radius_px=inside).for_shape(shape)

    def with_usual_lift(self, given: frozenset[str]) -> Rotation:
        """A low-pass of 1.2 px and a soft edge of 4 px."""
        if self.space == "pixels":
            return self
        low_pass = self.low_pass_px if "low_pass_px" in given else ROTATION.variants.usual_low_pass
        edge = self.edge_px if "edge_px" in given else ROTATION.variants.usual_edge
        return replace(self, low_pass_px=low_pass, edge_px=edge)

    def lift_variants(self, shape: tuple[int, int, int]) -> tuple[Rotation, ...]:
        """Low-passes, radii and soft edges, in parts of the disc's room in images (C, H, W)."""
        if self.space == "pixels":
            return ()
        room, tried = min(shape[1], shape[2]) / 2, ROTATION.variants
        discs = [(round(2 * room * r) / 2, round(2 * room * e) / 2) for r, e in tried.discs]
        return tuple(
            replace(self, low_pass_px=low_pass, radius_px=radius, edge_px=edge)
            for low_pass in tried.low_pass_px
            for radius, edge in discs
            if radius > 0.0 and edge <= radius
        )

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images turned anticlockwise by theta[0] degrees, (N, C, H, W)."""
        return turned(x, theta[0].reshape(-1))

    @property
    def has_action(self) -> bool:
        """False for pixels, where interpolated rotations do not compose."""
        return self.space == "polar"

    @property
    def z_space(self) -> str:
        """Name of the z-space, with all options of the lift."""
        disc = f"{self.low_pass_px} {self.radius_px} {self.ring_step_px}"
        seen = f" {self.edge_px} {self.view}" if (self.edge_px, self.view) != _FIRST else ""
        if self.contrast is not None:
            seen += f" contrast {self.contrast} {self.least_contrast}"
        return f"rotation {self.space} {disc}{seen}"

    def linear_lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, K); without the means of channels where a contrast is given."""
        return self.centred(self.coordinates.lift(x), _size(x))

    def centred(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """z (N, K) without the means of channels where a contrast is given; else z."""
        return z if self.contrast is None else self._polar.without_means(z, shape)

    def lift(self, x: Tensor) -> Tensor:
        """L, with the contrast normalized where that is asked for: (N, C, H, W) -> (N, K)."""
        z, normalization = self.linear_lift(x), self.normalization(_size(x))
        return z if normalization is None else normalization(z)

    def normalization(self, shape: tuple[int, int, int]) -> Normalization | None:
        """The change of contrast (T9): lengths are those of an image with that deviation."""
        if self.contrast is None:
            return None
        unit = self._polar.length_of_ones(shape)
        return Normalization(self.contrast * unit, self.least_contrast * unit)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: (N, K) -> (N, *input_shape(shape)), as ``view`` says."""
        seen = self.coordinates.readout(z, shape)
        if self.view.startswith("wiener"):
            frame = self._polar.frame(shape[1], shape[2])
            seen = restored(frame, z, seen)
        if not self.view.endswith("crop"):
            return seen
        return cropped(seen, *self.input_shape(shape)[1:])

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The images' own, or that of the square inside the disc."""
        if not self.view.endswith("crop"):
            return shape
        radius = self.for_shape(shape).radius_px
        assert radius is not None
        return shape[0], inscribed_side(radius, shape[1]), inscribed_side(radius, shape[2])

    def keeps_range(self, low: float, high: float) -> bool:
        """True for ranges with 0: interpolation averages, and pixels from outside are 0."""
        return low <= 0.0 <= high

    @property
    def coordinates(self) -> Space:
        """The z-space for the options; ValueError before ``for_shape``."""
        if self.radius_px is None:
            raise ValueError(
                "rotation: the disc is not fixed yet; call for_shape((channels, height, width))"
            )
        return DiscPixels(self.radius_px) if self.space == "pixels" else self._polar

    @property
    def _polar(self) -> PolarSpace:
        assert self.radius_px is not None
        return PolarSpace(self.low_pass_px, self.radius_px, self.ring_step_px, self.edge_px)


def _size(x: Tensor) -> tuple[int, int, int]:
    return int(x.shape[1]), int(x.shape[2]), int(x.shape[3])

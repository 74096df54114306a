"""Translation by fractions of a pixel: bilinear attack, Fourier action."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Enclosure
from gsmooth_translation.fourier import FourierFrame, fourier_frame
from gsmooth_translation.inverse import enclose
from gsmooth_translation.phases import FourierSpace
from gsmooth_translation.pixels import PixelSpace
from gsmooth_translation.shifts import Boxes, shifted
from gsmooth_translation.space import Space, attack_derivative, z_space_of


@final
@dataclass(frozen=True)
class Translation(Transformation):
    """Translation by ``dx`` pixels to the right (columns) and ``dy`` pixels downwards (rows).

    Attack: Kornia's bilinear translation. With padding "zeros" what leaves the image is lost, equal
    to scipy.ndimage.shift(x, (dy, dx), order=1, mode="grid-constant"); with "reflection" the image
    is continued by its mirror image about the centres of the outermost pixels (mode="mirror").
    Action: the phase exp(-i (omega_x dx + omega_y dy)) on the Fourier coefficients of the image on
    a zero-padded canvas; exact, orthogonal, and cyclic with the canvas as its period.

    low_pass_px: std of the Gaussian low-pass of the lift, in pixels; more blur makes the
    interpolation error smaller and the network's work harder.
    pad_px: zeros added on every side; shifts of the noise beyond it come back at the other side,
    which costs accuracy, never soundness.
    frame_px: width of the frame that the lift blanks on every side.
    cutoff: highest frequency kept on either axis, in cycles a pixel (at most 0.5). By default
    about as many coefficients are kept as the image has pixels: the low-pass leaves little beyond
    (a factor 0.12 in 28 x 28 images), and there interpolation errs most.
    padding: what comes into the image at its edges, "zeros" or "reflection".
    space: where noise is added. "fourier": to the coefficients, where the action is exact.
    "pixels": to the pixels as they are (low_pass_px, pad_px and cutoff play no part); there is no
    action then, so the shift can carry no noise, and covers need many centres (T = id).
    image_px: height and width; ``for_shape`` fills them in.
    """

    low_pass_px: float = 1.0
    pad_px: int = 6
    frame_px: int = 0
    cutoff: float | None = None
    image_px: tuple[int, int] | None = None
    padding: Literal["zeros", "reflection"] = "zeros"
    space: Literal["fourier", "pixels"] = "fourier"

    name: ClassVar[str] = "translation"
    summary: ClassVar[str] = "translation by fractions of a pixel, bilinear, zero or mirror padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("dx", "px", "to the right"),
        Parameter("dy", "px", "downwards"),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 16
    least_side_px: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low_pass_px) and self.low_pass_px >= 0.0):
            raise ValueError(f"translation: low_pass_px={self.low_pass_px} must be a number >= 0")
        for field, value in (("pad_px", self.pad_px), ("frame_px", self.frame_px)):
            if value < 0:
                raise ValueError(f"translation: {field}={value} must be at least 0 pixels")
        if self.cutoff is not None and not 0.0 < self.cutoff <= 0.5:
            raise ValueError(
                f"translation: cutoff={self.cutoff} must lie in (0, 0.5] cycles a pixel"
            )
        if self.padding not in ("zeros", "reflection"):
            raise ValueError(
                f"translation: padding={self.padding!r} must be 'zeros' or 'reflection'"
            )
        if self.space not in ("fourier", "pixels"):
            raise ValueError(f"translation: space={self.space!r} must be 'fourier' or 'pixels'")
        if self.image_px is not None:
            self._check_size(*self.image_px)

    def _check_size(self, height: int, width: int) -> None:
        # Kornia has no unit of length along an axis of one pixel: it moves by nothing or by all.
        if min(height, width) < 2:
            raise ValueError(
                f"translation: a {height} x {width} image has no two pixels to interpolate between"
                " along one of its axes"
            )
        if 2 * self.frame_px >= min(height, width):
            raise ValueError(
                f"translation: frame_px={self.frame_px} blanks all of a {height} x {width} image"
            )

    def for_shape(self, shape: tuple[int, int, int]) -> Translation:
        """This translation for images (C, H, W); ConfigurationError where the frame hides them."""
        try:
            return replace(self, image_px=(shape[1], shape[2]))
        except ValueError as fault:
            raise ConfigurationError(str(fault)) from fault

    @property
    def frame(self) -> FourierFrame:
        """The Fourier frame of the images that this translation is bound to."""
        height, width = self._size
        return fourier_frame(
            height, width, self.low_pass_px, self.pad_px, self.frame_px, self.cutoff
        )

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images moved right by theta[0] and down by theta[1] pixels, (N, C, H, W)."""
        return shifted(x, theta[0], theta[1], self.padding)

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, C * K), mask and low-pass included."""
        return self._coordinates.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L."""
        return self._coordinates.readout(z)

    @property
    def has_action(self) -> bool:
        """Not in pixels: interpolation breaks the law of composition there."""
        return self.space == "fourier"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: the canvas moved cyclically by theta pixels; in pixels nothing but T_0 = id."""
        dx, dy = (value.reshape(-1, 1).to(z.dtype) for value in theta)
        return self._coordinates.act(z, dx, dy)

    @property
    def z_space(self) -> str:
        """Everything that the lift depends on."""
        if self.space == "pixels":
            return f"translation pixels {self.frame_px}"
        return z_space_of(self.low_pass_px, self.pad_px, self.frame_px, self.cutoff)

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant of every channel's canvas; all of it in pixels, where T is id."""
        return self._coordinates.fixed_part(z)

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """||A_i z|| per pixel, the same at every shift, (N, K) -> (N, 2); None in pixels."""
        return self._coordinates.action_derivative(z)

    def keeps_range(self, low: float, high: float) -> bool:
        """Interpolation averages, and what comes in from outside is 0, or the image itself."""
        return self.padding == "reflection" or low <= 0.0 <= high

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """||L||, rounded up; channels do not mix."""
        return self._coordinates.norm

    def rounding_norm(self, shape: tuple[int, int, int]) -> float:
        """sup ||L r|| for |pixels| <= 1, rounded up: what the mask blanks does not count."""
        height, width = (side - 2 * self.frame_px for side in shape[1:])
        return self.lift_norm(shape) * math.sqrt(shape[0] * height * width) * (1.0 + 1e-12)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Float64 error of the phases, relative to the norm of z."""
        return self._coordinates.action_error(z, reach, offset)

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """The integers: between them a shifted image is a mix of integer shifts."""
        return tuple(float(v) for v in range(math.ceil(lower), math.floor(upper) + 1))

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||dC / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2). None in pixels."""
        bounds = self._coordinates.carried_bounds(x, lower, upper, self.padding)
        return None if bounds is None else bounds[0]

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||d2C / d theta_i^2|| over each cell, per pixel squared; (n, 2) -> (n, 2)."""
        bounds = self._coordinates.carried_bounds(x, lower, upper, self.padding)
        return None if bounds is None else bounds[1]

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d L psi / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2)."""
        return attack_derivative(self._coordinates.lift, x, lower, upper, self.padding)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: along each axis of an integer cell L psi is affine, so corners are farthest (C4)."""
        Boxes.within(lower, upper)
        return lower.new_zeros(lower.shape)

    def preimages(self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Enclosure:
        """Balls around L of every original; see ``inverse``."""
        return enclose(self._coordinates, x, lower, upper, rounding, self.padding)

    @property
    def _size(self) -> tuple[int, int]:
        if self.image_px is None:
            raise ValueError(
                "translation: the image size is not known yet; call for_shape((channels, height,"
                " width))"
            )
        return self.image_px

    @property
    def _coordinates(self) -> Space:
        if self.space == "pixels":
            return PixelSpace(*self._size, self.frame_px)
        return FourierSpace(self.frame)

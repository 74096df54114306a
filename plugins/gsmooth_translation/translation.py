"""Translation by fractions of a pixel: bilinear attack, Fourier action."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, final

from torch import Tensor

from gsmooth import Parameter
from gsmooth.errors import ConfigurationError
from gsmooth.geometry.pixels import known_size
from gsmooth.geometry.space import Size, Space
from gsmooth.transforms.in_space import BoundedInSpace
from gsmooth_translation.action import FourierSpace, InnerSpace, View
from gsmooth_translation.attack import shifted
from gsmooth_translation.bounds import TranslationBounds
from gsmooth_translation.lift import check_options, fourier_frame, z_space_of


@final
@dataclass(frozen=True)
class Translation(BoundedInSpace):
    """Translation by ``dx`` pixels to the right (columns) and ``dy`` pixels downwards (rows).

    Attack: Kornia's bilinear translation. With padding "zeros" what leaves the image is lost, equal
    to scipy.ndimage.shift(x, (dy, dx), order=1, mode="grid-constant"); with "reflection" the image
    is continued by its mirror image about the centres of the outermost pixels (mode="mirror").
    Action: the phase exp(-i (omega_x dx + omega_y dy)) on the Fourier coefficients of the image on
    a zero-padded canvas; exact, orthogonal, and cyclic with the canvas as its period.

    low_pass_px: std of the Gaussian low-pass of the lift, in pixels; a larger one reduces the
    interpolation error and removes details that the network could use.
    pad_px: zeros added on every side, in pixels; shifts by noise beyond it come back at the other
    side, which costs accuracy; certificates remain sound.
    frame_px: width of the border that the lift sets to 0, in pixels.
    cutoff: highest frequency that is kept on an axis, in cycles a pixel (at most 0.5). By default
    about as many coefficients are kept as the image has pixels: beyond, the low-pass leaves little
    (a factor 0.12 in 28 x 28 images), and the interpolation error is largest.
    padding: pixels outside the image, "zeros" or "reflection".
    space: where noise is added. "fourier": to the coefficients, on which the action is exact.
    "pixels": to the pixels (low_pass_px, pad_px and cutoff have no effect). There is then no
    action, so no noise on the shift is possible, and covers need many centres (T = id).
    view: what the network sees, "image" or the whole "canvas", pad_px larger on every side. With
    Haar noise on both parameters the image is anywhere on the canvas, and a crop would cut it off;
    content that leaves the image during an attack is residual in both views (T7).
    image_px: height and width; ``for_shape`` sets them.
    """

    low_pass_px: float = 1.0
    pad_px: int = 6
    frame_px: int = 0
    cutoff: float | None = None
    image_px: tuple[int, int] | None = None
    padding: Literal["zeros", "reflection"] = "zeros"
    space: Literal["fourier", "pixels"] = "fourier"
    # Added after runs had been recorded: its default may never change.
    view: View = field(default="image", metadata={"added": True})

    name: ClassVar[str] = "translation"
    summary: ClassVar[str] = "translation by fractions of a pixel, bilinear, zero or mirror padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("dx", "px", "to the right", period="width"),
        Parameter("dy", "px", "downwards", period="height"),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 16
    usual_sigma: ClassVar[float] = 0.25
    least_side_px: ClassVar[int] = 2
    bounds_class = TranslationBounds

    def __post_init__(self) -> None:
        check_options(self.name, self.low_pass_px, self.pad_px, self.cutoff)
        if self.frame_px < 0:
            raise ValueError(f"translation: frame_px={self.frame_px} must be at least 0 pixels")
        if self.padding not in ("zeros", "reflection"):
            raise ValueError(
                f"translation: padding={self.padding!r} must be 'zeros' or 'reflection'"
            )
        if self.space not in ("fourier", "pixels"):
            raise ValueError(f"translation: space={self.space!r} must be 'fourier' or 'pixels'")
        if self.view not in ("image", "canvas"):
            raise ValueError(f"translation: view={self.view!r} must be 'image' or 'canvas'")
        if self.view == "canvas" and self.space == "pixels":
            raise ValueError("translation: view='canvas' needs space='fourier'; pixels have none")
        if self.image_px is not None:
            self._check_size(*self.image_px)

    def _check_size(self, height: int, width: int) -> None:
        # Along an axis of one pixel, Kornia's normalized coordinates have no unit of length.
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

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images moved right by theta[0] and down by theta[1] pixels, (N, C, H, W)."""
        return shifted(x, theta[0], theta[1], self.padding)

    def input_shape(self, shape: Size) -> Size:
        """Shape of the network's input: the image's, or the canvas with pad_px on every side."""
        added = 2 * self.pad_px if self.view == "canvas" else 0
        return shape[0], shape[1] + added, shape[2] + added

    def periods(self, shape: Size) -> tuple[float, ...]:
        """The canvas is the period of the action; 0 for pixels, which have none."""
        if not self.has_action:
            return 0.0, 0.0
        return float(shape[2] + 2 * self.pad_px), float(shape[1] + 2 * self.pad_px)

    @property
    def has_action(self) -> bool:
        """False for pixels, where interpolated shifts do not compose."""
        return self.space == "fourier"

    @property
    def z_space(self) -> str:
        """Name of the z-space, with all options of the lift."""
        if self.space == "pixels":
            return f"translation pixels {self.frame_px}"
        name = z_space_of(self.low_pass_px, self.pad_px, self.frame_px, self.cutoff)
        return f"{name} canvas" if self.view == "canvas" else name

    def keeps_range(self, low: float, high: float) -> bool:
        """True for reflection and for ranges with 0: interpolation averages."""
        return self.padding == "reflection" or low <= 0.0 <= high

    @property
    def coordinates(self) -> Space:
        """The z-space for the options; ValueError before ``for_shape``."""
        size = known_size(self.name, self.image_px)
        if self.space == "pixels":
            return InnerSpace(self.frame_px, self.padding)
        options = self.low_pass_px, self.pad_px, self.frame_px, self.cutoff
        return FourierSpace(fourier_frame(*size, *options), self.padding, self.view)

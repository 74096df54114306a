"""Translation by whole pixels: a finite set of attacks, in the z-space of translations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth import Parameter
from gsmooth.errors import ConfigurationError
from gsmooth.geometry.pixels import known_size
from gsmooth.transforms.in_space import InSpace, SpaceBounds
from gsmooth_translation.action import FourierSpace
from gsmooth_translation.attack import source
from gsmooth_translation.lift import check_options, fourier_frame, z_space_of
from gsmooth_translation.window import WindowSpace

STEP: Final = 1.0
"""Step of both parameters, in pixels."""


class WindowBounds(SpaceBounds["IntegerTranslation"]):
    """Bounds of lift and action, and what votes read through a window."""

    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        """The pixels that common votes read (T8); without a window all of them."""
        space = self.of.coordinates
        if isinstance(space, WindowSpace):
            return space.visible(apart, centre, shift, reach)
        return apart


@final
@dataclass(frozen=True)
class IntegerTranslation(InSpace):
    """Translation by ``dx`` whole pixels to the right and ``dy`` downwards, with zeros outside.

    Attack: pixels move without interpolation; pixels that leave the image are lost. Regions are
    finite sets of attacks, so suprema are maxima over all of them, without a bound on a derivative.
    Attacked images need no rounding to be stored in files.
    Action: that of ``translation``, phases of the Fourier coefficients on a zero-padded canvas,
    also by fractions of a pixel, since noise on the shift is Gaussian. At whole pixels it moves the
    canvas like the attack. So C(theta) = L x if only zeros are lost; otherwise the residual is at
    most the norm of the lost pixels.

    With a window the network reads only the square of ``window_px`` in the middle of the canvas,
    its input is that square, and z holds pixels, which move by whole steps on a torus. Noise on the
    shift is then grid-uniform, and what no common vote reads costs nothing (T8). With b steps of
    noise to either side nothing that leaves or enters the image is read by a window of at most
    side - 2 b pixels, and the residual is 0, for all attacks.

    low_pass_px, pad_px, cutoff: as for ``translation``. By default there is no low-pass, since
    there is no interpolation error, and all frequencies below Nyquist are kept. Not with a window.
    window_px: side of the window; 0: the network reads the whole image.
    window_pad_px: zeros that the canvas of a window has on every side of the image.
    image_px: height and width; ``for_shape`` sets them.
    """

    low_pass_px: float = 0.0
    pad_px: int = 4
    cutoff: float = 0.5
    window_px: int = field(default=0, metadata={"added": True})
    window_pad_px: int = field(default=0, metadata={"added": True})
    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "integer-translation"
    summary: ClassVar[str] = "translation by whole pixels, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("dx", "px", "to the right", step=STEP),
        Parameter("dy", "px", "downwards", step=STEP),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 4
    bounds_class = WindowBounds

    def __post_init__(self) -> None:
        check_options(self.name, self.low_pass_px, self.pad_px, self.cutoff)
        for name, side in (("window_px", self.window_px), ("window_pad_px", self.window_pad_px)):
            if side < 0:
                raise ValueError(f"{self.name}: {name}={side} must be at least 0 pixels")
        if self.window_pad_px and not self.window_px:
            raise ValueError(
                f"{self.name}: window_pad_px={self.window_pad_px} without a window; give window_px"
                " as well, or pad_px for the canvas without one"
            )
        if self.window_px and (self.low_pass_px, self.pad_px, self.cutoff) != (0.0, 4, 0.5):
            raise ValueError(
                f"{self.name}: window_px={self.window_px} with low_pass_px, pad_px or cutoff: a"
                " window is read out of pixels; leave them out, and give window_pad_px for a canvas"
                " with a border of zeros"
            )

    def for_shape(self, shape: tuple[int, int, int]) -> IntegerTranslation:
        """This translation for images (C, H, W); ValueError for a window larger than the canvas."""
        side = min(shape[1:]) + 2 * self.window_pad_px
        if self.window_px > side:
            raise ConfigurationError(
                f"{self.name}: window_px={self.window_px} is more than the {side} pixels of the"
                " canvas; give a smaller window, or window_pad_px"
            )
        return replace(self, image_px=(shape[1], shape[2]))

    @property
    def whole_steps(self) -> tuple[str, ...]:
        """Both parameters with a window: pixels move by whole steps only."""
        return ("dx", "dy") if self.window_px else ()

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """That of the window, if there is one."""
        return (shape[0], self.window_px, self.window_px) if self.window_px else shape

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images moved right by theta[0] and down by theta[1] pixels, (N, C, H, W).

        It is differentiable in x, not in theta. ValueError for fractions of a pixel.
        """
        for parameter, shift in zip(self.parameters, theta, strict=True):
            if bool((shift != shift.round()).any()):
                raise ValueError(
                    f"{self.name}: {parameter.name} moves by whole pixels (in steps of"
                    f" {parameter.step:g} px); got"
                    f" {float(shift[shift != shift.round()][0].detach()):g}"
                )
        across, down = (shift.reshape(-1, 1).detach().long() for shift in theta)
        # One more row and column of zeros is the source of pixels outside the image.
        image = F.pad(x, (0, 1, 0, 1)).movedim(1, 3)
        rows, columns = (
            source(size, shift[:, 0], "zeros")
            for size, shift in ((x.shape[2], down), (x.shape[3], across))
        )
        row = torch.arange(len(x), device=x.device, dtype=torch.int64)[:, None, None]
        found = image[row, rows[:, :, None], columns[:, None, :]]
        return found.movedim(3, 1)

    @property
    def z_space(self) -> str:
        """Name of the z-space; without a window that of ``translation`` with the same options."""
        if self.window_px:
            return f"translation window {self.window_px} {self.window_pad_px}"
        return z_space_of(self.low_pass_px, self.pad_px, 0, self.cutoff)

    def keeps_range(self, low: float, high: float) -> bool:
        """True for ranges with 0: pixels do not change, and pixels from outside are 0."""
        return low <= 0.0 <= high

    @property
    def coordinates(self) -> FourierSpace | WindowSpace:
        """The Fourier coefficients, or the pixels of a window; ValueError before ``for_shape``."""
        height, width = known_size(self.name, self.image_px)
        if self.window_px:
            return WindowSpace((height, width), self.window_pad_px, self.window_px)
        frame = fourier_frame(height, width, self.low_pass_px, self.pad_px, 0, self.cutoff)
        return FourierSpace(frame)

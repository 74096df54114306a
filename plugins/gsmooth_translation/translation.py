"""Translation by fractions of a pixel: bilinear attack, Fourier action."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from kornia.geometry.transform import translate
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_translation.fourier import FourierFrame, fourier_frame
from gsmooth_translation.speed import speed_and_bend


@final
@dataclass(frozen=True)
class Translation(Transformation):
    """Translation by ``dx`` pixels to the right (columns) and ``dy`` pixels downwards (rows).

    Attack: Kornia's bilinear translation, zero padding; what leaves the image is lost. Equal to
    scipy.ndimage.shift(x, (dy, dx), order=1, mode="grid-constant").
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
    image_px: height and width; ``for_shape`` fills them in.
    """

    low_pass_px: float = 1.0
    pad_px: int = 6
    frame_px: int = 0
    cutoff: float | None = None
    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "translation"
    summary: ClassVar[str] = "translation by fractions of a pixel, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("dx", "px", "to the right"),
        Parameter("dy", "px", "downwards"),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 16

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
        if self.image_px is not None and 2 * self.frame_px >= min(self.image_px):
            height, width = self.image_px
            raise ValueError(
                f"translation: frame_px={self.frame_px} blanks all of a {height} x {width} image"
            )

    def for_shape(self, shape: tuple[int, int, int]) -> Translation:
        """This translation for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    @property
    def frame(self) -> FourierFrame:
        """The Fourier frame of the images that this translation is bound to."""
        if self.image_px is None:
            raise ValueError(
                "translation: the image size is not known yet; call for_shape((channels, height,"
                " width))"
            )
        height, width = self.image_px
        return fourier_frame(
            height, width, self.low_pass_px, self.pad_px, self.frame_px, self.cutoff
        )

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images moved right by theta[0] and down by theta[1] pixels, (N, C, H, W)."""
        dx, dy = theta
        shift = torch.cat([dx.reshape(-1, 1), dy.reshape(-1, 1)], dim=1)
        return translate(x, shift, mode="bilinear", padding_mode="zeros", align_corners=True)

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, C * K), mask and low-pass included."""
        return self.frame.analyse(x).flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L, cropped back to the image."""
        return self.frame.synthesise(self._unflat(z))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: the canvas moved right by theta[0] and down by theta[1] pixels, cyclically."""
        dx, dy = (value.reshape(-1, 1).to(z.dtype) for value in theta)
        return self.frame.shift(self._unflat(z), dx, dy).flatten(1)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """||L||, rounded up; channels do not mix."""
        return self.frame.norm

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """A phase omega d is off by omega (offset + rounding of the product), axis by axis."""
        frame = self.frame
        orders = (frame.cols.omega, frame.rows.omega)
        phase = sum(
            float(max(omega, default=0.0)) * (far * 2.0**-51 + off)
            for omega, far, off in zip(orders, reach, offset, strict=True)
        )
        return float(z.norm(dim=1).max()) * (phase + 2.0**-48)

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """The integers: between them a shifted image is a mix of integer shifts."""
        return tuple(float(v) for v in range(math.ceil(lower), math.floor(upper) + 1))

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||dC / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2). See ``speed``."""
        return speed_and_bend(self.frame, x, lower, upper)[0]

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||d2C / d theta_i^2|| over each cell, per pixel squared; (n, 2) -> (n, 2)."""
        return speed_and_bend(self.frame, x, lower, upper)[1]

    def _unflat(self, z: Tensor) -> Tensor:
        frame = self.frame
        return z.reshape(len(z), -1, frame.rows.coefficients, frame.cols.coefficients)

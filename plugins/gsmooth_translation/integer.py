"""Translation by whole pixels: a finite set of attacks, in the z-space of translations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth import Parameter
from gsmooth.geometry.pixels import known_size
from gsmooth.transforms.in_space import InSpace
from gsmooth_translation.action import FourierSpace
from gsmooth_translation.attack import source
from gsmooth_translation.lift import check_options, fourier_frame, z_space_of

STEP: Final = 1.0
"""Step of both parameters, in pixels."""


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

    low_pass_px, pad_px, cutoff: as for ``translation``. By default there is no low-pass, since
    there is no interpolation error, and all frequencies below Nyquist are kept.
    image_px: height and width; ``for_shape`` sets them.
    """

    low_pass_px: float = 0.0
    pad_px: int = 4
    cutoff: float = 0.5
    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "integer-translation"
    summary: ClassVar[str] = "translation by whole pixels, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("dx", "px", "to the right", step=STEP),
        Parameter("dy", "px", "downwards", step=STEP),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 4

    def __post_init__(self) -> None:
        check_options(self.name, self.low_pass_px, self.pad_px, self.cutoff)

    def for_shape(self, shape: tuple[int, int, int]) -> IntegerTranslation:
        """This translation for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

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
        """Name of the z-space, the same as that of ``translation`` with the same options."""
        return z_space_of(self.low_pass_px, self.pad_px, 0, self.cutoff)

    def keeps_range(self, low: float, high: float) -> bool:
        """True for ranges with 0: pixels do not change, and pixels from outside are 0."""
        return low <= 0.0 <= high

    @property
    def coordinates(self) -> FourierSpace:
        """The Fourier coefficients; ValueError before ``for_shape``."""
        height, width = known_size(self.name, self.image_px)
        frame = fourier_frame(height, width, self.low_pass_px, self.pad_px, 0, self.cutoff)
        return FourierSpace(frame)

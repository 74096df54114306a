"""Gaussian blur: an exact semigroup in cosine space, attacked by itself or by a sampled kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth.geometry.pixels import known_size
from gsmooth.geometry.separable import Separable
from gsmooth_blur.attack import SampledKernel, blurred
from gsmooth_blur.bounds import BlurBounds, Kernel
from gsmooth_blur.lift import cosines
from gsmooth_blur.matched import MatchedKernel


@final
@dataclass(frozen=True)
class Blur(Transformation):
    """Gaussian blur with ``variance`` v >= 0, in px^2, of an image continued by its mirror image.

    Action: cosine coefficients times exp(-v (omega_y^2 + omega_x^2) / 2), the solution of the heat
    equation at time v / 2. Variances add exactly: T_a T_b = T_(a+b) for a, b >= 0. T_v has no
    inverse, and it never increases distances. The cosine transform is orthogonal and keeps all of
    the image, so noise on z is noise on the pixels, and a network for additive noise can be used.

    kernel: the kernel of the attack. "exact": the action itself, with residual 0. "sampled": the
    kernel exp(-k^2 / 2v) at whole pixels, cut off at ``radius_px`` and scaled to sum to 1, equal to
    scipy.ndimage.gaussian_filter(x, sqrt(v), mode="reflect", radius=radius_px) on each channel. It
    does not compose; its distance from the action is bounded and costs margin at small v, where
    its own variance is less than v. "matched": the same kernels with their own variance E k^2 as
    the parameter v, up to R (R + 1) / 3 at radius R, with a fraction of the residual. (Filter
    libraries call -1 / (2 ln q) their sigma^2, q = ``matched.base``.)
    radius_px: radius of the sampled kernel, in pixels; 4 sqrt(v) includes nearly all weight.
    image_px: height and width; ``for_shape`` sets them.
    """

    kernel: Literal["exact", "sampled", "matched"] = "exact"
    radius_px: int = 16
    image_px: tuple[int, int] | None = None

    name: ClassVar[str] = "blur"
    summary: ClassVar[str] = "Gaussian blur, mirror padding, exact or by a sampled kernel"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "variance", "px^2", "of the Gaussian; its square root is the blur's width", usual=4.0
        ),
    )
    one_sided: ClassVar[tuple[str, ...]] = ("variance",)
    nonexpansive: ClassVar[bool] = True
    default_centres: ClassVar[int] = 4
    bounds_class = BlurBounds

    def __post_init__(self) -> None:
        if self.kernel not in ("exact", "sampled", "matched"):
            raise ValueError(
                f"blur: kernel={self.kernel!r} must be 'exact', 'sampled' or 'matched'"
            )
        if not 1 <= self.radius_px <= 256:
            raise ValueError(f"blur: radius_px={self.radius_px} must lie in 1..256 pixels")

    def for_shape(self, shape: tuple[int, int, int]) -> Blur:
        """This blur for images (C, H, W)."""
        return replace(self, image_px=(shape[1], shape[2]))

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images blurred by the variances theta[0] (N, 1), (N, C, H, W)."""
        variance = _one_sided(theta[0].reshape(-1))
        if self.kernel != "exact":
            return blurred(x, self._sampled.weights(variance))
        return self.readout(self.act(self.lift(x), *theta), (0, 0, 0))

    def lift(self, x: Tensor) -> Tensor:
        """L: the orthonormal cosine transform, (N, C, H, W) -> (N, C H W)."""
        return self._cosines.analyse(x).flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: its inverse."""
        return self._cosines.synthesise(self._cosines.grid(z))

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: multiply every coefficient by exp(-v w)."""
        variance = _one_sided(theta[0].reshape(-1, 1).to(z.dtype))
        down, along = self._cosines.frequencies(z)
        rows = torch.exp(-variance * (down.square() / 2.0))
        columns = torch.exp(-variance * (along.square() / 2.0))
        damped = self._cosines.grid(z) * rows[:, None, :, None] * columns[:, None, None, :]
        return damped.flatten(1)

    @property
    def z_space(self) -> str:
        """The cosine coefficients of an image continued by its mirror image."""
        return "mirrored cosines"

    @property
    def exact(self) -> bool:
        """True if the attack is the action."""
        return self.kernel == "exact"

    def fixed_part(self, z: Tensor) -> Tensor:
        """The constant of every channel."""
        return self._cosines.constants(z)

    def keeps_range(self, low: float, high: float) -> bool:
        """True for sampled kernels, which average; the exact, band-limited one has side lobes."""
        return self.kernel != "exact"

    @property
    def _sampled(self) -> Kernel:
        matched = self.kernel == "matched"
        return MatchedKernel(self.radius_px) if matched else SampledKernel(self.radius_px)

    @property
    def _cosines(self) -> Separable:
        return cosines(*self._size)

    @property
    def _size(self) -> tuple[int, int]:
        return known_size(self.name, self.image_px)


def _one_sided(variance: Tensor) -> Tensor:
    """Replace negative variances, which have no blur, by NaN; NaN scores stop a run (F3)."""
    return torch.where(variance >= 0.0, variance, torch.nan)

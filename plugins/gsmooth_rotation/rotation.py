"""Rotation about the image centre: bilinear attack, polar Fourier action."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, final

import numpy as np
import torch
from kornia.geometry.transform import rotate
from torch import Tensor

from gsmooth import Parameter, Transformation
from gsmooth_rotation.bilinear import rotation_speed, widest_half
from gsmooth_rotation.polar import PolarFrame, kept_orders, polar_frame, ring_radii

RADIANS = math.pi / 180.0
# Outward slack for the float64 arithmetic of the bound, per unit of image norm.
NUMERICAL = 1e-9


@final
@dataclass(frozen=True)
class Rotation(Transformation):
    """Rotation by ``angle`` degrees, anticlockwise, about the point between the middle pixels.

    Attack: Kornia's bilinear rotation, zero padding, pixel centres at integers (align_corners);
    equal to scipy.ndimage.rotate(x, angle, order=1, reshape=False, mode="grid-constant").
    Action: the phase exp(-i m angle) on polar Fourier coefficients; exact and orthogonal.

    low_pass_px: std of the Gaussian low-pass of the lift, in pixels; more blur makes the
    interpolation error smaller and the network's work harder.
    radius_px: radius of the disc that the lift sees; by default 1 px inside the inscribed circle.
    ring_step_px: distance between the rings.
    """

    low_pass_px: float = 0.7
    radius_px: float | None = None
    ring_step_px: float = 1.0

    name: ClassVar[str] = "rotation"
    summary: ClassVar[str] = "rotation about the centre, bilinear, zero padding"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("angle", "deg", "anticlockwise about the image centre"),
    )
    orthogonal: ClassVar[bool] = True
    default_centres: ClassVar[int] = 24

    def __post_init__(self) -> None:
        for field, value in (
            ("low_pass_px", self.low_pass_px),
            ("radius_px", self.radius_px),
            ("ring_step_px", self.ring_step_px),
        ):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"rotation: {field}={value} must be a positive number of pixels")

    def for_shape(self, shape: tuple[int, int, int]) -> Rotation:
        """This rotation with its disc fixed for images (C, H, W)."""
        if self.radius_px is not None:
            return self
        return replace(self, radius_px=min(shape[1], shape[2]) / 2 - 1)

    def frame(self, height: int, width: int) -> PolarFrame:
        """The polar Fourier frame of (H, W) images."""
        return polar_frame(height, width, self.low_pass_px, self._radius(), self.ring_step_px)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: the images turned anticlockwise by theta[0] degrees, (N, C, H, W)."""
        angle = theta[0].reshape(-1)
        return rotate(x, angle, mode="bilinear", padding_mode="zeros", align_corners=True)

    def lift(self, x: Tensor) -> Tensor:
        """L: (N, C, H, W) -> (N, C * K), disc mask and low-pass included."""
        count, channels, height, width = x.shape
        frame = self.frame(height, width)
        return frame.analyse(x.reshape(count * channels, height * width)).reshape(count, -1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q: the adjoint of L."""
        frame = self.frame(shape[1], shape[2])
        return frame.synthesise(z.reshape(-1, frame.size)).reshape(-1, *shape)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T: every pair of order m turned by the phase -m * theta[0]."""
        rings, pairs, order, unique = self._layout(z.device)
        angle = theta[0].reshape(-1, 1) * RADIANS
        phase = angle * unique.to(z.dtype)
        cos, sin = torch.cos(phase)[:, None, order], torch.sin(phase)[:, None, order]
        channels = z.reshape(len(z), -1, rings + 2 * pairs)
        real, imag = channels[..., rings : rings + pairs], channels[..., rings + pairs :]
        out = torch.empty_like(channels)
        out[..., :rings] = channels[..., :rings]
        out[..., rings : rings + pairs] = cos * real + sin * imag
        out[..., rings + pairs :] = cos * imag - sin * real
        return out.reshape(z.shape)

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """Schur bound on ||L||; channels do not mix."""
        return self.frame(shape[1], shape[2]).norm

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """A phase m theta is off by m (offset + rounding of theta and of the product)."""
        _, _, _, unique = self._layout(z.device)
        top = float(unique.max())
        phase = top * (reach[0] * 2.0**-51 + offset[0]) * RADIANS
        return float(z.norm(dim=1).max()) * (phase + 2.0**-49)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||C'|| = sup ||L psi' - A L psi|| over each cell, per degree; (n, 1) -> (n, 1).

        A wide cell is cut into narrow ones that share their ends, and the largest is taken.
        """
        frame = self.frame(x.shape[2], x.shape[3])
        pixels = torch.from_numpy(frame.support).to(x.device)
        widest = 2.0 * widest_half(x.shape[1:], pixels) / RADIANS
        parts = max(1, math.ceil(float((upper - lower).max()) / widest * (1.0 + 1e-9)))
        ends = [lower + (upper - lower) * (k / parts) for k in range(parts)] + [upper]
        bounds = [self._narrow_bound(x, pixels, *pair) for pair in itertools.pairwise(ends)]
        return torch.stack(bounds).amax(dim=0)

    def _narrow_bound(self, x: Tensor, pixels: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """The bound on cells in which no source point can touch more than 2 x 2 pixel cells.

        On a cell of half-width D around m, psi' = d + w with |w| at most half the interval that
        holds psi', and psi is within D ||psi'|| of psi_m, so
        ||C'|| <= ||L d - A L psi_m|| + ||L|| ||w|| + ||A L|| D sup||psi'|| (C3b; d and A L psi
        nearly cancel). The triangle bound ||L|| sup||psi'|| + ||A L psi_m|| + ||A L|| D sup||psi'||
        is the cross-check, and the smaller of the two is returned.
        """
        count, (channels, height, width) = len(lower), x.shape[1:]
        frame = self.frame(height, width)
        half = (upper[:, 0] - lower[:, 0]) * (RADIANS / 2)
        low, high = rotation_speed(x[0], pixels, lower[:, 0] * RADIANS, upper[:, 0] * RADIANS)
        drift = x.new_zeros(count, channels, height * width)
        drift[:, :, pixels] = (low + high) / 2
        spread = ((high - low) / 2).flatten(1).norm(dim=1)
        speed = torch.maximum(high.abs(), low.abs()).flatten(1).norm(dim=1)
        middle = (lower + upper) / 2
        turned = self._generator(self.lift(self.attack(x.expand(count, -1, -1, -1), middle)))
        gap = self.lift(drift.reshape(count, channels, height, width)) - turned
        moved = frame.turning_norm * half * speed
        together = gap.norm(dim=1) + frame.norm * spread + moved
        apart = frame.norm * speed + turned.norm(dim=1) + moved
        bound = torch.minimum(together, apart) + NUMERICAL * (1.0 + float(x.norm()))
        return (bound * RADIANS)[:, None]

    def _generator(self, z: Tensor) -> Tensor:
        """A z, with T_theta = exp(theta A), theta in radians."""
        rings, pairs, order, unique = self._layout(z.device)
        channels = z.reshape(len(z), -1, rings + 2 * pairs)
        turn = unique.to(z.dtype)[order]
        out = torch.zeros_like(channels)
        out[..., rings : rings + pairs] = turn * channels[..., rings + pairs :]
        out[..., rings + pairs :] = -turn * channels[..., rings : rings + pairs]
        return out.reshape(z.shape)

    def _radius(self) -> float:
        if self.radius_px is None:
            raise ValueError(
                "rotation: the disc is not fixed yet; call for_shape((channels, height, width))"
            )
        return self.radius_px

    def _layout(self, device: torch.device) -> tuple[int, int, Tensor, Tensor]:
        """Rings, pairs, index of each pair's order among the unique orders, unique orders."""
        return _layout(self._radius(), self.ring_step_px, device)


@lru_cache(maxsize=16)
def _layout(
    radius_px: float, ring_step_px: float, device: torch.device
) -> tuple[int, int, Tensor, Tensor]:
    rings = len(ring_radii(radius_px, ring_step_px))
    orders = kept_orders(radius_px, ring_step_px)[1]
    unique, place = np.unique(orders, return_inverse=True)
    return (
        rings,
        len(orders),
        torch.from_numpy(place).to(device),
        torch.from_numpy(unique).to(device),
    )

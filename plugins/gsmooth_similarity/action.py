"""The z-space of log-polar Fourier coefficients, with phases as action, and its bounds."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor

from gsmooth.geometry.pairs import Orders, PairSpace
from gsmooth.geometry.pixel_space import DiscSpace
from gsmooth_similarity.attack import ANGLE, RADIANS, SCALE, warped
from gsmooth_similarity.bounds import (
    NUMERICAL,
    SIMILARITY,
    Axes,
    Flow,
    cut,
    flows,
    per_unit,
    radians,
)
from gsmooth_similarity.lift import LogPolarFrame, log_polar_frame
from gsmooth_similarity.patches import Patches


@final
@dataclass(frozen=True)
class LogPolarSpace(PairSpace):
    """Coefficients of a low-pass on rings equally spaced in ln r, and Fourier series along both.

    T changes their phases. axes: the parameters of the transformation.
    """

    low_pass_px: float
    low_pass_share: float
    radius_px: float
    knee_px: float
    pad_ln: float
    axes: Axes

    def frame(self, height: int, width: int) -> LogPolarFrame:
        """The frame of (H, W) images."""
        sizes = self.low_pass_px, self.low_pass_share, self.radius_px, self.knee_px, self.pad_ln
        return log_polar_frame(height, width, *sizes)

    def norm(self, shape: tuple[int, int, int]) -> float:
        """||L||, rounded up; channels do not mix."""
        return self.frame(shape[1], shape[2]).norms[0]

    def orders(self, device: torch.device) -> Orders:
        """The constant stands; angular order m and frequency k along ln r turn a pair by

        -(m angle + k scale).
        """
        return _orders(self, device)

    def longest(self, half: Tensor) -> Tensor:
        """Channels do not mix; see ``LogPolarFrame.lengths``."""
        found = self.frame(half.shape[2], half.shape[3]).lengths(half.flatten(2).flatten(0, 1))
        return found.view(half.shape[:2]).square().sum(dim=1).sqrt() * math.nextafter(1.0, 2.0)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||dC / d theta_i|| = sup ||L psi_i - A_i L psi||, A_i the generator, on each cell.

        On a cell of half-widths D around m let psi_i = d_i + v with |v| <= w_i pixel by pixel, and
        g_i = sup |psi_i|. Integrated from m, psi = psi_m + sum_j t_j d_j + r with |t_j| <= D_j and
        |r| <= sum_j D_j w_j. Write ||M||w|| for sup ||M v|| over |v| <= w. Then ||dC_i|| is at most
        sup_t ||L d_i - A_i L (psi_m + sum_j t_j d_j)|| + ||L||w_i|| + ||A_i L||sum_j D_j w_j||,
        whose first term is convex in t and so largest at a corner (C3b: L d_i and A_i L psi_m
        nearly cancel). The triangle bound ||L||g_i|| + ||A_i L psi_m|| + ||A_i L||sum_j D_j g_j||
        is the cross-check, and the smaller is returned.
        """
        return self._largest(x, lower, upper, carried=True)

    def patch_bound(self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor) -> Tensor:
        """How far C leaves the interpolation between its corners, by axis (C3b); see ``Patches``.

        In cells too wide for C3 no interpolation is looked at: C is within h / 2 sup ||C_i|| of a
        chord along axis i.
        """
        pixels = torch.from_numpy(self.frame(x.shape[2], x.shape[3]).support).to(x.device)
        ends = radians(lower, self.axes), radians(upper, self.axes)
        if len(list(cut((x.shape[2], x.shape[3]), pixels, *ends))) > 1:
            derivative = self.derivative_bound(x, lower, upper)
            return (upper - lower) / 2 * derivative * (1.0 + 1e-12)
        rows, strays = max(1, SIMILARITY.images // (x.numel() * (2 + 2 * len(self.axes)))), []
        for start in range(0, len(lower), rows):
            low, high = (end[start : start + rows] for end in ends)
            strays.append(_Cell(self, x, pixels, low, high, self.axes).strays())
        width = (ends[1] - ends[0])[:, list(self.axes)]
        slack = NUMERICAL * (1.0 + float(x.norm()))
        return Patches(self._rates(corners), width, torch.cat(strays), corners).bound(slack)

    def _rates(self, z: Tensor) -> Tensor:
        """The orders of all coefficients of z, by axis, per radian and per ln: (axes, K)."""
        fixed, orders, _ = self.orders(z.device)
        pairs = torch.stack([torch.cat([z.new_zeros(fixed), o, o]) for o in orders])
        return pairs.abs().repeat(1, z.shape[-1] // pairs.shape[1])

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||L psi_i|| <= ||L d_i|| + ||L||w_i||, or ||L||g_i|| where that is smaller."""
        return self._largest(x, lower, upper, carried=False)

    def _largest(self, x: Tensor, lower: Tensor, upper: Tensor, carried: bool) -> Tensor:
        pixels = torch.from_numpy(self.frame(x.shape[2], x.shape[3]).support).to(x.device)
        bound, axes = torch.zeros_like(lower), self.axes
        ends = radians(lower, axes), radians(upper, axes)
        rows = max(1, SIMILARITY.images // (x.numel() * (2 + 2 * len(axes))))
        for low, high in cut((x.shape[2], x.shape[3]), pixels, *ends):
            for start in range(0, len(lower), rows):
                places = slice(start, start + rows)
                cell = _Cell(self, x, pixels, low[places], high[places], axes)
                found = cell.carried() if carried else cell.attacked()
                bound[places] = bound[places].maximum(found)
        return per_unit(bound, x, axes)


@final
@dataclass(frozen=True)
class DiscPixels(DiscSpace):
    """The z-space of the disc's pixels (T = id)."""

    axes: Axes

    alternative: ClassVar[str] = "log-polar"

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """|| sup |d psi_p / d theta_i| ||_2 over the disc's pixels p and channels (C3)."""
        pixels, bound = self.pixels(x), torch.zeros_like(lower)
        ends = radians(lower, self.axes), radians(upper, self.axes)
        for low, high in cut((x.shape[2], x.shape[3]), pixels, *ends):
            for flow in flows(x[0], pixels, low, high, self.axes):
                derivatives = [
                    flow.largest(i).square().sum(dim=(0, 2)).sqrt() for i in range(len(self.axes))
                ]
                bound[flow.cells] = bound[flow.cells].maximum(torch.stack(derivatives, dim=1))
        return per_unit(bound, x, self.axes)


@lru_cache(maxsize=16)
def _orders(space: LogPolarSpace, device: torch.device) -> Orders:
    # Orders depend on the disc alone, not on the image around it.
    frame = space.frame(1, 1)
    every = {ANGLE: (frame.turn, RADIANS), SCALE: (frame.pull, 1.0)}
    orders = tuple(torch.from_numpy(every[axis][0]).to(device) for axis in space.axes)
    return Orders(1, orders, tuple(every[axis][1] for axis in space.axes))


@final
@dataclass(frozen=True, eq=False)
class _Cell:
    """Narrow cells (n, 2) in radians and ln around which one image's warps are bounded."""

    space: LogPolarSpace
    x: Tensor
    pixels: Tensor
    low: Tensor
    high: Tensor
    axes: tuple[int, ...]

    def attacked(self) -> Tensor:
        """sup ||L psi_i||, (n, axes)."""
        drift, half, large = self._moved()
        found = []
        for i in range(len(self.axes)):
            together = drift[i].norm(dim=1) + self._lengths(half[i])
            found.append(torch.minimum(together, self._lengths(large[i])))
        return torch.stack(found, dim=1)

    def strays(self) -> Tensor:
        """lambda_i, bounds on ||L v|| for |v| <= w_i: (n, axes)."""
        shape = self.x.shape[1:]
        half = self.x.new_zeros(len(self.axes), len(self.low), shape[0], shape[1] * shape[2])
        for flow in flows(self.x[0], self.pixels, self.low, self.high, self.axes):
            for i in range(len(self.axes)):
                half[i][flow.cells, :, self.pixels] = flow.half[i].transpose(0, 1)
        return torch.stack([self._lengths(part) for part in half], dim=1) * (1.0 + 1e-12)

    def carried(self) -> Tensor:
        """sup ||L psi_i - A_i L psi||, (n, axes)."""
        drift, half, large = self._moved()
        z, wide, far = self._midway(), self._strayed(half), self._strayed(large)
        found = []
        for i, axis in enumerate(self.axes):
            generated = self.space.generated(z, i)
            together = self._at_corners(drift[i] - generated, drift, i)
            together = together + self._lengths(half[i]) + self._generated_lengths(wide, axis)
            apart = self._lengths(large[i]) + generated.norm(dim=1)
            apart = apart + self._generated_lengths(far, axis)
            found.append(torch.minimum(together, apart))
        return torch.stack(found, dim=1)

    def _at_corners(self, start: Tensor, drift: list[Tensor], i: int) -> Tensor:
        """sup ||start - A_i sum_j t_j L d_j|| over |t_j| <= D_j, (n,); start (n, C * K)."""
        reaches = self._reach
        steps = [
            reach[:, None] * self.space.generated(part, i)
            for reach, part in zip(reaches, drift, strict=True)
        ]
        corners = [
            start
            + torch.stack([sign * step for sign, step in zip(signs, steps, strict=True)]).sum(0)
            for signs in itertools.product((-1.0, 1.0), repeat=len(steps))
        ]
        return torch.stack([corner.norm(dim=1) for corner in corners]).amax(dim=0)

    def _midway(self) -> Tensor:
        """L psi at the middle of every cell, (n, C * K)."""
        middle = (self.low + self.high) / 2
        rows = self.x.expand(len(middle), -1, -1, -1)
        return self.space.lift(warped(rows, middle[:, ANGLE] / RADIANS, middle[:, SCALE]))

    def _moved(self) -> tuple[list[Tensor], Tensor, Tensor]:
        """L d_i by axis, (n, C * K) each; w_i and g_i, (axes, n, C, H * W)."""
        shape = self.x.shape[1:]
        middle = self.x.new_zeros(len(self.axes), len(self.low), shape[0], shape[1] * shape[2])
        half, large = middle.clone(), middle.clone()
        for flow in flows(self.x[0], self.pixels, self.low, self.high, self.axes):
            self._fill(flow, middle, half, large)
        return [self.space.lift(part.unflatten(2, shape[1:])) for part in middle], half, large

    @property
    def _reach(self) -> Tensor:
        """D, (axes, n)."""
        return (self.high - self.low)[:, list(self.axes)].T / 2

    def _strayed(self, images: Tensor) -> Tensor:
        """sum_j D_j image_j of (axes, n, C, H * W)."""
        return (images * self._reach[:, :, None, None]).sum(dim=0)

    def _generated_lengths(self, image: Tensor, axis: int) -> Tensor:
        """sup ||A_i L v|| over |v| <= image, (n,).

        ||A_i L|| ||image||, or what the highest order makes of ||L||image||: F only drops
        coefficients, and A_i multiplies those that are left.
        """
        frame = self._frame
        top = float(frame.turn.max()) if axis == ANGLE else float(abs(frame.pull).max())
        whole = image.flatten(1).norm(dim=1)
        return torch.minimum(frame.norms[1 + axis] * whole, top * self._lengths(image))

    def _fill(self, flow: Flow, middle: Tensor, half: Tensor, large: Tensor) -> None:
        for i in range(len(self.axes)):
            for image, part in (
                (middle, flow.middle[i]),
                (half, flow.half[i]),
                (large, flow.largest(i)),
            ):
                image[i][flow.cells, :, self.pixels] = part.transpose(0, 1)

    def _lengths(self, image: Tensor) -> Tensor:
        """sup ||L v|| over |v| <= image (n, C, H * W), (n,); channels do not mix."""
        return self.space.longest(image.reshape(*image.shape[:2], *self.x.shape[2:]))

    @property
    def _frame(self) -> LogPolarFrame:
        return self.space.frame(self.x.shape[2], self.x.shape[3])

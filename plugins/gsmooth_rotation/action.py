"""The z-space of polar Fourier coefficients, on which rotations act exactly, and its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor

from gsmooth.geometry.pairs import Orders, PairSpace, split
from gsmooth.geometry.pixel_space import DiscSpace
from gsmooth_rotation.attack import RADIANS, turned
from gsmooth_rotation.bounds import (
    NUMERICAL,
    derivative_chunks,
    in_narrow_cells,
    widest_half,
)
from gsmooth_rotation.lift import PolarFrame, polar_frame
from gsmooth_rotation.rings import kept_orders, ring_radii
from gsmooth_rotation.settings import ROTATION


class Drifts(NamedTuple):
    """d psi / d theta on n cells, as intervals d + v with |v| <= w pixel by pixel (C3).

    drift: L d (n, C * K). within: a bound on ||L v||, (n,). spread: ||w||, (n,). derivative: sup
    ||psi'||, (n,). Per radian.
    """

    drift: Tensor
    within: Tensor
    spread: Tensor
    derivative: Tensor


@final
@dataclass(frozen=True)
class PolarSpace(PairSpace):
    """Coefficients of low-pass, disc and angular Fourier series; T rotates order m by -m theta."""

    low_pass_px: float
    radius_px: float
    ring_step_px: float
    edge_px: float = 0.0

    def frame(self, height: int, width: int) -> PolarFrame:
        """The polar Fourier frame of (H, W) images."""
        sizes = (self.low_pass_px, self.radius_px, self.ring_step_px, self.edge_px)
        return polar_frame(height, width, *sizes)

    def norm(self, shape: tuple[int, int, int]) -> float:
        """Schur bound on ||L||; channels do not mix."""
        return self.frame(shape[1], shape[2]).norm

    def orders(self, device: torch.device) -> Orders:
        """The means of rings are fixed; a pair of order m is rotated by -m theta."""
        return _layout(self.radius_px, self.ring_step_px, device)[0]

    def phases(self, theta: tuple[Tensor, ...], z: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine of every pair's angle, from those of the distinct orders."""
        _, order, unique = _layout(self.radius_px, self.ring_step_px, z.device)
        phase = theta[0].reshape(-1, 1) * RADIANS * unique.to(z.dtype)
        # Several times as fast as indexing on a CPU.
        place = order.expand(len(phase), -1)
        return phase.cos().gather(1, place)[:, None], phase.sin().gather(1, place)[:, None]

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """Rotate every pair of order m by -m * angle.

        Rows that share memory (z expanded from one row) are not copied.
        """
        if torch.is_grad_enabled() and (z.requires_grad or theta[0].requires_grad):
            return super().act(z, *theta)
        out = torch.empty(z.shape, dtype=z.dtype, device=z.device)
        rows = len(z) if z.device.type != "cpu" else max(1, ROTATION.memory.acted // z.shape[1])
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            self._turn_into(out[part], z[part], theta[0][part])
        return out

    def _turn_into(self, out: Tensor, z: Tensor, angle: Tensor) -> None:
        """Write T z into ``out``, with the same arithmetic in fewer passes."""
        cos, sin = self.phases((angle,), z)
        fixed = self.orders(z.device).fixed
        identity_action, real, imag = split(self.channels(z), fixed)
        new_identity, new_real, new_imag = split(self.channels(out), fixed)
        new_identity.copy_(identity_action)
        torch.mul(cos, real, out=new_real).addcmul_(sin, imag)
        torch.mul(cos, imag, out=new_imag).addcmul_(sin, real, value=-1.0)

    def mirrored(self, z: Tensor) -> Tensor:
        """z of the image with left and right exchanged: sample phi of a ring is at pi - phi."""
        fixed, (order,), _ = self.orders(z.device)
        sign = (1.0 - 2.0 * (order % 2.0)).to(z.dtype)
        rest, first, second = split(self.channels(z), fixed)
        return torch.cat([rest, sign * first, -sign * second], dim=2).reshape(z.shape)

    def without_means(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """z (N, C * K) without the mean of every channel: a projection that commutes with T."""
        ones, _ = _constant(self.frame(shape[1], shape[2]), z.dtype, z.device)
        channels = self.channels(z)
        return (channels - (channels @ ones)[..., None] * ones).reshape(z.shape)

    def length_of_ones(self, shape: tuple[int, int, int]) -> float:
        """||L x|| for an image (C, H, W) of ones."""
        cpu = torch.device("cpu")
        _, length = _constant(self.frame(shape[1], shape[2]), torch.float64, cpu)
        return length * math.sqrt(shape[0])

    def longest(self, half: Tensor) -> Tensor:
        """||W S half||: L = F W S with ||F|| <= 1 and W S >= 0, so ||L v|| <= ||W S half||."""
        count, channels, height, width = half.shape
        frame = self.frame(height, width)
        parts = torch.split(half.reshape(count * channels, height * width), ROTATION.lifted_images)
        squares = [frame.sampled(part).square_().sum(dim=0) for part in parts]
        return torch.cat(squares).reshape(count, channels).sum(dim=1).sqrt()

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor:
        """How far C leaves its chord in cells of width h (C3b).

        psi leaves its own chord by at most 2 s (1 - s) h w pixel by pixel, w half the interval that
        holds psi', and turning the chord back bends it by s (1 - s) h (||A (C_b - C_a)|| + h / 2
        max ||A^2 C||): b = h (lambda / 2 + ||A (C_b - C_a)|| / 4 + h / 8 max ||A^2 C||).

        In cells too wide for C3 no chord is looked at: C is within h / 2 sup ||C'|| of it.
        """
        width = (upper - lower)[:, 0]
        widest = 2.0 * widest_half(x.shape[1:], self._support(x)) / RADIANS
        if float(width.max()) > widest * (1.0 - 1e-9):
            return width / 2 * self.derivative_bound(x, lower, upper)[:, 0] * (1.0 + 1e-12)
        slack = NUMERICAL * (1.0 + float(x.norm()))
        strays = self._strays(x, lower[:, 0] * RADIANS, upper[:, 0] * RADIANS)
        turned_end = self.generated(end)
        bent = (turned_end - self.generated(start)).norm(dim=1)
        second = [self.generated(self.generated(z)).norm(dim=1) for z in (start, end)]
        h = width * RADIANS
        around = strays / 2 + bent / 4 + h / 8 * torch.maximum(*second)
        found: Tensor = h * (around * (1.0 + 1e-9) + slack)
        return found

    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        """A quarter turn of a square image, or half a turn of any, moves pixels as they are.

        L follows where the rings have samples there. Its windows of pixels are not quite the same
        after the turn, which is the error: their difference, at most so much for any image.
        """
        if axis > 0:
            return None
        step, largest = self._of(x).symmetry
        bound = largest * float(x.abs().max()) * math.sqrt(x.shape[1])
        return step, bound * (1.0 + 1e-9) + NUMERICAL * (1.0 + float(x.norm()))

    def _strays(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """lambda (n,), a bound on ||L v|| for |v| <= w; cells in radians (n,)."""
        pixels, found = self._support(x), []
        # As many images as are sampled together.
        rows = max(1, ROTATION.lifted_images // x.shape[1])
        for start in range(0, len(low), rows):
            ends = low[start : start + rows], high[start : start + rows]
            half = x.new_zeros(len(ends[0]), x.shape[1], x.shape[2] * x.shape[3])
            for cells, least, most in derivative_chunks(x[0], pixels, *ends):
                half[cells, :, pixels] = most.sub_(least).div_(2).transpose(0, 1)
            norm = self._of(x).norm * half.flatten(1).norm(dim=1)
            found.append(torch.minimum(self.longest(half.reshape(-1, *x.shape[1:])), norm))
        return torch.cat(found) * (1.0 + 1e-12)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||C'|| = sup ||L psi' - A L psi|| over each cell.

        On a cell of half-width D around m, psi' = d + v with |v| <= w, half the interval that holds
        psi', pixel by pixel, and psi - psi_m = (theta - m) d + V with |V| <= D w. So
        ||C'|| <= ||L d - A L psi_m|| + D ||A L d|| + lambda + D min(||A L|| ||w||, M lambda), where
        lambda = min(||L|| ||w||, ||W S w||) bounds ||L v|| and M is the largest order (C3b; d and
        A L psi nearly cancel). The triangle bound ||L|| sup||psi'|| + ||A L psi_m|| + ||A L|| D
        sup||psi'|| is the cross-check, and the smaller of the two is returned.
        """
        frame, slack = self._of(x), NUMERICAL * (1.0 + float(x.norm()))
        top = float(max(frame.orders, default=0)) * (1.0 + 1e-12)

        def bound(low: Tensor, high: Tensor) -> Tensor:
            half, found = (high - low) / 2, self._drifts(x, low, high)
            turning = self.generated(self._midway(x, low, high))
            # A L of what psi' is off its middle moves the image by half a cell at most.
            carried = torch.minimum(frame.turning_norm * found.spread, top * found.within)
            carried = half * (self.generated(found.drift).norm(dim=1) + carried)
            together = (found.drift - turning).norm(dim=1) + found.within + carried
            apart = frame.norm * found.derivative + turning.norm(dim=1)
            moved = frame.turning_norm * half * found.derivative
            return torch.minimum(together, apart + moved) + slack

        return self._bounds(bound, x, lower, upper)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||L psi'|| <= ||L d|| + lambda, or ||L|| sup||psi'|| where that is smaller."""
        frame, slack = self._of(x), NUMERICAL * (1.0 + float(x.norm()))

        def bound(low: Tensor, high: Tensor) -> Tensor:
            found = self._drifts(x, low, high)
            together = found.drift.norm(dim=1) + found.within
            return torch.minimum(together, frame.norm * found.derivative) + slack

        return self._bounds(bound, x, lower, upper)

    def _bounds(
        self, bound: Callable[[Tensor, Tensor], Tensor], x: Tensor, lower: Tensor, upper: Tensor
    ) -> Tensor:
        """Compute ``bound`` on narrow cells, in groups of images that limit memory."""
        rows = max(1, ROTATION.memory.images // x.numel())

        def in_groups(low: Tensor, high: Tensor) -> Tensor:
            ends = zip(torch.split(low, rows), torch.split(high, rows), strict=True)
            return torch.cat([bound(*group) for group in ends])

        return in_narrow_cells(in_groups, x.shape[1:], self._support(x), lower, upper)

    def _drifts(self, x: Tensor, low: Tensor, high: Tensor) -> Drifts:
        """The derivative of psi on narrow cells in radians (n,)."""
        pixels = self._support(x)
        full = x.new_zeros(len(low), x.shape[1], x.shape[2] * x.shape[3])
        strays = torch.zeros_like(full)
        spreads, derivatives = [], []
        for cells, least, most in derivative_chunks(x[0], pixels, low, high):
            middle, half = (least + most) / 2, (most - least) / 2
            full[cells, :, pixels] = middle.transpose(0, 1)
            strays[cells, :, pixels] = half.transpose(0, 1)
            spreads.append(half.square().sum(dim=(0, 2)).sqrt())
            # max(|low|, |high|) = |middle| + half
            derivatives.append(middle.abs_().add_(half).square_().sum(dim=(0, 2)).sqrt())
        drift, spread = self.lift(full.reshape(-1, *x.shape[1:])), torch.cat(spreads)
        within = self.longest(strays.reshape(-1, *x.shape[1:])) * (1.0 + 1e-12)
        within = torch.minimum(within, self._of(x).norm * spread)
        return Drifts(drift, within, spread, torch.cat(derivatives))

    def _midway(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """L psi at the middle of every cell, (n, C * K)."""
        middle = (low + high) / 2 / RADIANS
        return self.lift(turned(x.expand(len(middle), -1, -1, -1), middle))

    def _of(self, x: Tensor) -> PolarFrame:
        return self.frame(x.shape[2], x.shape[3])

    def _support(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self._of(x).support).to(x.device)


@final
@dataclass(frozen=True)
class DiscPixels(DiscSpace):
    """The z-space of the disc's pixels (T = id)."""

    alternative: ClassVar[str] = "polar"

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """|| sup_theta |psi'_p| ||_2 over the disc's pixels p and channels, by intervals (C3)."""
        pixels = self.pixels(x)
        slack = NUMERICAL * (1.0 + float(x.norm()))

        def bound(low: Tensor, high: Tensor) -> Tensor:
            squares = [
                torch.maximum(least.neg_(), most).square_().sum(dim=(0, 2))
                for _, least, most in derivative_chunks(x[0], pixels, low, high)
            ]
            return torch.cat(squares).sqrt() + slack

        return in_narrow_cells(bound, x.shape[1:], pixels, lower, upper)


@lru_cache(maxsize=16)
def _layout(
    radius_px: float, ring_step_px: float, device: torch.device
) -> tuple[Orders, Tensor, Tensor]:
    """Return the orders, the index of each pair's order among the distinct ones, and these."""
    rings = len(ring_radii(radius_px, ring_step_px))
    orders = torch.from_numpy(kept_orders(radius_px, ring_step_px)[1]).to(device)
    unique, place = orders.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    return Orders(rings, (orders.double(),), (RADIANS,)), place, unique


@lru_cache(maxsize=16)
def _constant(frame: PolarFrame, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, float]:
    """The direction of L 1 among the means of rings (K,), which no rotation moves, and ||L 1||."""
    blank = torch.ones(1, frame.height * frame.width, dtype=torch.float64, device="cpu")
    ones = frame.analyse(blank)[0]
    length = float(ones.norm())
    ones[frame.rings :] = 0.0
    return (ones / ones.norm()).to(dtype=dtype, device=device), length

"""The polar Fourier frame as z-space: rotations act on it exactly, and the bounds that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from gsmooth_rotation.bounds import derivative_chunks
from gsmooth_rotation.polar import PolarFrame, polar_frame
from gsmooth_rotation.rings import kept_orders, ring_radii
from gsmooth_rotation.space import NUMERICAL, RADIANS, in_narrow_cells, turned

IMAGE_ENTRIES: Final = 2**21
"""Numbers in the images that are turned at once (at least one image)."""
ACTED_ENTRIES: Final = 2**18
"""Numbers of z that a CPU acts on at once (at least one row): they stay in its caches."""


@final
@dataclass(frozen=True)
class PolarSpace:
    """Low-pass, disc and angular Fourier series; T turns the pair of order m by -m theta."""

    low_pass_px: float
    radius_px: float
    ring_step_px: float

    def frame(self, height: int, width: int) -> PolarFrame:
        """The polar Fourier frame of (H, W) images."""
        return polar_frame(height, width, self.low_pass_px, self.radius_px, self.ring_step_px)

    def norm(self, shape: tuple[int, int, int]) -> float:
        """Schur bound on ||L||; channels do not mix."""
        return self.frame(shape[1], shape[2]).norm

    def lift(self, x: Tensor) -> Tensor:
        """Coefficients of the disc, channel by channel."""
        count, channels, height, width = x.shape
        frame = self.frame(height, width)
        return frame.analyse(x.reshape(count * channels, height * width)).reshape(count, -1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """The adjoint of the lift; nearly so for large images, see ``synthesis``."""
        frame = self.frame(shape[1], shape[2])
        return frame.synthesise(z.reshape(-1, frame.size)).reshape(-1, *shape)

    def act(self, z: Tensor, angle: Tensor) -> Tensor:
        """Every pair of order m turned by the phase -m * angle.

        Rows that share their memory (z expanded from one row) are never copied out.
        """
        if torch.is_grad_enabled() and (z.requires_grad or angle.requires_grad):
            return self._turned(z, angle)
        out = torch.empty(z.shape, dtype=z.dtype, device=z.device)
        rows = len(z) if z.device.type != "cpu" else max(1, ACTED_ENTRIES // z.shape[1])
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            self._turn_into(out[part], z[part], angle[part])
        return out

    def _turned(self, z: Tensor, angle: Tensor) -> Tensor:
        """T z by operations that gradients pass through."""
        identity_action, real, imag = self._parts(z)
        cos, sin = self._phases(angle, z)
        turned = [identity_action, cos * real + sin * imag, cos * imag - sin * real]
        return torch.cat(turned, dim=2).reshape(z.shape)

    def _turn_into(self, out: Tensor, z: Tensor, angle: Tensor) -> None:
        """Write T z over ``out``: the same products and sums, in fewer passes."""
        identity_action, real, imag = self._parts(z)
        cos, sin = self._phases(angle, z)
        new_identity, new_real, new_imag = self._parts(out)
        new_identity.copy_(identity_action)
        torch.mul(cos, real, out=new_real).addcmul_(sin, imag)
        torch.mul(cos, imag, out=new_imag).addcmul_(sin, real, value=-1.0)

    def _parts(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What stands still, real and imaginary parts, by channel: views (N, C, ...) of z."""
        rings, pairs, _, _ = self._layout(z.device)
        channels = z.reshape(len(z), -1, rings + 2 * pairs)
        identity_action, real, imag = channels.tensor_split((rings, rings + pairs), dim=2)
        return identity_action, real, imag

    def _phases(self, angle: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine of every pair's phase, (N, 1, pairs)."""
        _, _, order, unique = self._layout(z.device)
        phase = angle.reshape(-1, 1) * RADIANS * unique.to(z.dtype)
        # Several times as fast as indexing on a CPU.
        place = order.expand(len(phase), -1)
        return phase.cos().gather(1, place)[:, None], phase.sin().gather(1, place)[:, None]

    def fixed_part(self, z: Tensor) -> Tensor:
        """What is of order 0."""
        identity_action, _, _ = self._parts(z)
        out = torch.zeros_like(z)
        self._parts(out)[0].copy_(identity_action)
        return out

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A z||, (N, K) -> (N, 1) per degree: T commutes with A and keeps lengths."""
        lengths: Tensor = self._generator(z).norm(dim=1, keepdim=True)
        return lengths * (RADIANS * (1.0 + 1e-12))

    def action_error(self, z: Tensor, reach: float, offset: float) -> float:
        """A phase m theta is off by m (offset + rounding of theta and of the product)."""
        _, _, _, unique = self._layout(z.device)
        # A disc so small that no order is kept does not move at all.
        top = float(unique.max()) if len(unique) else 0.0
        phase = top * (reach * 2.0**-51 + offset) * RADIANS
        return float(z.norm(dim=1).max()) * (phase + 2.0**-49)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||C'|| = sup ||L psi' - A L psi|| over each cell.

        On a cell of half-width D around m, psi' = d + w with |w| at most half the interval that
        holds psi', and psi is within D ||psi'|| of psi_m, so
        ||C'|| <= ||L d - A L psi_m|| + ||L|| ||w|| + ||A L|| D sup||psi'|| (C3b; d and A L psi
        nearly cancel). The triangle bound ||L|| sup||psi'|| + ||A L psi_m|| + ||A L|| D sup||psi'||
        is the cross-check, and the smaller of the two is returned.
        """
        frame, slack = self._of(x), NUMERICAL * (1.0 + float(x.norm()))

        def bound(low: Tensor, high: Tensor) -> Tensor:
            drift, spread, derivative = self._drifts(x, low, high)
            turning = self._generator(self._midway(x, low, high))
            together = drift.sub_(turning).norm(dim=1) + frame.norm * spread
            apart = frame.norm * derivative + turning.norm(dim=1)
            moved = frame.turning_norm * ((high - low) / 2) * derivative
            return torch.minimum(together, apart) + moved + slack

        return self._bounds(bound, x, lower, upper)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """sup ||L psi'|| <= ||L d|| + ||L|| ||w||, or ||L|| sup||psi'|| where that is smaller."""
        frame, slack = self._of(x), NUMERICAL * (1.0 + float(x.norm()))

        def bound(low: Tensor, high: Tensor) -> Tensor:
            drift, spread, derivative = self._drifts(x, low, high)
            together = drift.norm(dim=1) + frame.norm * spread
            return torch.minimum(together, frame.norm * derivative) + slack

        return self._bounds(bound, x, lower, upper)

    def _bounds(
        self, bound: Callable[[Tensor, Tensor], Tensor], x: Tensor, lower: Tensor, upper: Tensor
    ) -> Tensor:
        """``bound`` on narrow cells, IMAGE_ENTRIES numbers of images at a time: bounds memory."""
        rows = max(1, IMAGE_ENTRIES // x.numel())

        def in_groups(low: Tensor, high: Tensor) -> Tensor:
            ends = zip(torch.split(low, rows), torch.split(high, rows), strict=True)
            return torch.cat([bound(*group) for group in ends])

        return in_narrow_cells(in_groups, x.shape[1:], self._support(x), lower, upper)

    def _drifts(self, x: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """L d (n, C * K), ||w|| (n,) and sup ||psi'|| (n,) for narrow cells in radians (n,)."""
        pixels = self._support(x)
        full = x.new_zeros(len(low), x.shape[1], x.shape[2] * x.shape[3])
        spreads, derivatives = [], []
        for cells, least, most in derivative_chunks(x[0], pixels, low, high):
            middle, half = (least + most) / 2, (most - least) / 2
            full[cells, :, pixels] = middle.transpose(0, 1)
            spreads.append(half.square().sum(dim=(0, 2)).sqrt())
            # max(|low|, |high|) = |middle| + half
            derivatives.append(middle.abs_().add_(half).square_().sum(dim=(0, 2)).sqrt())
        drift = self.lift(full.reshape(-1, *x.shape[1:]))
        return drift, torch.cat(spreads), torch.cat(derivatives)

    def _midway(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """L psi at the middle of every cell, (n, C * K)."""
        middle = (low + high) / 2 / RADIANS
        return self.lift(turned(x.expand(len(middle), -1, -1, -1), middle))

    def _generator(self, z: Tensor) -> Tensor:
        """A z, with T_theta = exp(theta A), theta in radians."""
        rings, pairs, order, unique = self._layout(z.device)
        channels = z.reshape(len(z), -1, rings + 2 * pairs)
        turn = unique.to(z.dtype)[order]
        out = torch.zeros_like(channels)
        out[..., rings : rings + pairs] = turn * channels[..., rings + pairs :]
        out[..., rings + pairs :] = -turn * channels[..., rings : rings + pairs]
        return out.reshape(z.shape)

    def _of(self, x: Tensor) -> PolarFrame:
        return self.frame(x.shape[2], x.shape[3])

    def _support(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self._of(x).support).to(x.device)

    def _layout(self, device: torch.device) -> tuple[int, int, Tensor, Tensor]:
        """Rings, pairs, index of each pair's order among the unique orders, unique orders."""
        return _layout(self.radius_px, self.ring_step_px, device)


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

"""The Fourier frame of a zero-padded canvas: where a translation is a change of phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

ACTED_ENTRIES: Final = 2**17
"""Numbers of z that a CPU acts on at once (at least one row): they stay in its caches."""


@final
@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of the canvas: a real, unitary Fourier basis with a Gaussian transfer.

    size: pixels of the image; pad_px: zeros added at either end; frame_px: pixels at either end
    that the mask blanks; order: highest kept frequency, in cycles a canvas.
    """

    size: int
    pad_px: int
    frame_px: int
    low_pass_px: float
    order: int

    @property
    def canvas(self) -> int:
        """Length of the canvas, the period of the action, in pixels."""
        return self.size + 2 * self.pad_px

    @property
    def coefficients(self) -> int:
        """Coefficients of this axis: the constant, then order cosines, then order sines."""
        return 2 * self.order + 1

    @cached_property
    def omega(self) -> np.ndarray:
        """Frequencies of the pairs (order,), radians a pixel."""
        return np.arange(1, self.order + 1) * (2.0 * math.pi / self.canvas)

    @cached_property
    def matrix(self) -> np.ndarray:
        """(coefficients, size): mask, zero padding, DFT and low-pass in one, float64.

        The DFT's rows are 1 / sqrt(n), sqrt(2 / n) cos(omega p) and sqrt(2 / n) sin(omega p) on the
        n pixels p of the canvas: orthonormal, since order < n / 2 leaves the Nyquist term out. Both
        parts of a pair are multiplied by exp(-(low_pass_px omega)^2 / 2), so the action, which
        turns pairs, commutes with the low-pass and noise has one std within a pair (T4).
        """
        place = np.arange(self.size) - (self.size - 1) / 2
        phase = self.omega[:, None] * place
        transfer = np.exp(-((self.low_pass_px * self.omega) ** 2) / 2.0)[:, None]
        pairs = math.sqrt(2.0 / self.canvas) * transfer
        identity_action = np.full((1, self.size), math.sqrt(1.0 / self.canvas))
        rows = np.concatenate([identity_action, pairs * np.cos(phase), pairs * np.sin(phase)])
        seen = (place >= place[0] + self.frame_px) & (place <= place[-1] - self.frame_px)
        return np.asarray(rows * seen)

    @cached_property
    def norm(self) -> float:
        """Upper bound on the matrix' largest singular value.

        At most 1 in exact arithmetic: mask and transfer are at most 1, and padding followed by some
        of the rows of an orthogonal matrix cannot lengthen anything. The computed value is smaller
        where the mask bites; its float64 error is far below the slack.
        """
        return float(np.linalg.norm(self.matrix, 2)) * (1.0 + 1e-9)


@final
@dataclass(frozen=True, eq=False)
class FourierFrame:
    """L for one channel: z = Y x X^T, a real 2-D Fourier transform one axis at a time.

    z is laid out as (rows.coefficients, cols.coefficients), row-major. The products of cosines and
    sines span the same spaces as the half-plane's cos(omega_x p_x +- omega_y p_y), by an orthogonal
    change of basis within each frequency; so noise, action and norms are the same, and no term is
    redundant. Two small matrix products an image are faster than an FFT up to some hundred pixels
    and need neither index tables nor a dense (K, H W) matrix.
    """

    rows: Axis
    cols: Axis

    @property
    def size(self) -> int:
        """K of one channel."""
        return self.rows.coefficients * self.cols.coefficients

    @property
    def norm(self) -> float:
        """Upper bound on ||L||: the norm of a Kronecker product is the product of the norms."""
        return self.rows.norm * self.cols.norm

    def analyse(self, image: Tensor) -> Tensor:
        """L: (..., H, W) -> (..., rows.coefficients, cols.coefficients), dtype and device kept."""
        down, along = self._matrices(image.dtype, image.device)
        return torch.matmul(down, image @ along.T)

    def synthesise(self, z: Tensor) -> Tensor:
        """The adjoint of L: (..., rows.coefficients, cols.coefficients) -> (..., H, W)."""
        down, along = self._matrices(z.dtype, z.device)
        return torch.matmul(down.T, z @ along)

    def shift(self, z: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """T: content moved right by dx and down by dy, (N, channels, *z); dx, dy (N, 1).

        Rows that share their memory (z expanded from one row) are never copied out.
        """
        omega_y, omega_x = self.frequencies(z.dtype, z.device)
        down, along = dy[:, :, None] * omega_y, dx[:, :, None] * omega_x
        if torch.is_grad_enabled() and (z.requires_grad or dx.requires_grad or dy.requires_grad):
            return _turned(_turned(z, down, -2), along, -1)
        out = torch.empty(z.shape, dtype=z.dtype, device=z.device)
        rows = len(z) if z.device.type != "cpu" else max(1, ACTED_ENTRIES // z[0].numel())
        halfway = torch.empty(z[:rows].shape, dtype=z.dtype, device=z.device)
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            buffer = halfway[: len(z[part])]
            _turn_into(buffer, z[part], down[part], -2)
            _turn_into(out[part], buffer, along[part], -1)
        return out

    def frequencies(self, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        """omega of the rows' and of the columns' pairs, radians a pixel."""
        return _constants(self, dtype, device)[1]

    def _matrices(self, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        return _constants(self, dtype, device)[0]


def _turned(z: Tensor, phase: Tensor, axis: int) -> Tensor:
    """Every (cosine, sine) pair along an axis turned by its phase (N, 1, pairs)."""
    cos, sin = _factors(phase, axis)
    identity_action, cosine, sine = _parts(z, axis)
    return torch.cat(
        [identity_action, cosine * cos - sine * sin, cosine * sin + sine * cos], dim=axis
    )


def _turn_into(out: Tensor, z: Tensor, phase: Tensor, axis: int) -> None:
    """Write what ``_turned`` gives over ``out``: the same products and sums, in fewer passes."""
    cos, sin = _factors(phase, axis)
    identity_action, cosine, sine = _parts(z, axis)
    new_identity, new_cosine, new_sine = _parts(out, axis)
    new_identity.copy_(identity_action)
    torch.mul(cosine, cos, out=new_cosine).addcmul_(sine, sin, value=-1.0)
    torch.mul(cosine, sin, out=new_sine).addcmul_(sine, cos)


def _factors(phase: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of phases (N, 1, pairs), to be multiplied with pairs along an axis."""
    phase = phase.unsqueeze(-1 if axis == -2 else -2)
    return torch.cos(phase), torch.sin(phase)


def generated(z: Tensor, omega: Tensor, axis: int) -> Tensor:
    """A z, with T_d = exp(d A) along an axis: the derivative of ``shift`` per pixel, at 0."""
    omega = omega[:, None] if axis == -2 else omega
    identity_action, cosine, sine = _parts(z, axis)
    return torch.cat([torch.zeros_like(identity_action), -omega * sine, omega * cosine], dim=axis)


def _parts(z: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """The constant, the cosines and the sines along an axis."""
    order = z.shape[axis] // 2
    return (
        z.narrow(axis, 0, 1),
        z.narrow(axis, 1, order),
        z.narrow(axis, 1 + order, order),
    )


@lru_cache(maxsize=32)
def _constants(
    frame: FourierFrame, dtype: torch.dtype, device: torch.device
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    def moved(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(device=device, dtype=dtype)

    rows, cols = frame.rows, frame.cols
    return (moved(rows.matrix), moved(cols.matrix)), (moved(rows.omega), moved(cols.omega))


@lru_cache(maxsize=16)
def fourier_frame(
    height: int, width: int, low_pass_px: float, pad_px: int, frame_px: int, cutoff: float | None
) -> FourierFrame:
    """The frame for one image size; built once.

    cutoff: highest frequency kept on either axis, cycles a pixel; None keeps as many coefficients
    on an axis as the image has pixels there (one fewer when that is even).
    """

    def axis(size: int) -> Axis:
        canvas = size + 2 * pad_px
        asked = (size - 1) // 2 if cutoff is None else int(cutoff * canvas + 1e-9)
        return Axis(size, pad_px, frame_px, low_pass_px, min(asked, (canvas - 1) // 2))

    return FourierFrame(axis(height), axis(width))

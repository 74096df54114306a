"""The Fourier frame of a zero-padded canvas, in which a translation is a change of phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import final

import numpy as np
import torch
from torch import Tensor

from gsmooth.geometry.pairs import turn_into, turned
from gsmooth.geometry.separable import AxisMap, Separable
from gsmooth_translation.attack import TRANSLATION


@final
@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of the canvas: a real, unitary Fourier basis with a Gaussian transfer.

    size: pixels of the image. pad_px: zeros added at both ends. frame_px: pixels at both ends that
    the mask sets to 0. low_pass_px: std of the low-pass. order: highest frequency that is kept, in
    cycles per canvas.
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
        """The product of mask, zero padding, DFT and low-pass, (coefficients, size), float64.

        The DFT's rows are 1 / sqrt(n), sqrt(2 / n) cos(omega p) and sqrt(2 / n) sin(omega p) on the
        n pixels p of the canvas: orthonormal, since order < n / 2 leaves the Nyquist term out. Both
        parts of a pair are multiplied by exp(-(low_pass_px omega)^2 / 2), so the action, which
        turns pairs, commutes with the low-pass and noise has one std within a pair (T4).
        """
        place = np.arange(self.size) - (self.size - 1) / 2
        seen = (place >= place[0] + self.frame_px) & (place <= place[-1] - self.frame_px)
        return np.asarray(self._rows(place) * seen)

    @cached_property
    def whole(self) -> np.ndarray:
        """The same rows on every pixel of the canvas, without the mask, (coefficients, canvas)."""
        return self._rows(np.arange(self.canvas) - (self.canvas - 1) / 2)

    def _rows(self, place: np.ndarray) -> np.ndarray:
        """DFT and low-pass at these places, measured from the middle, in pixels."""
        phase = self.omega[:, None] * place
        transfer = np.exp(-((self.low_pass_px * self.omega) ** 2) / 2.0)[:, None]
        pairs = math.sqrt(2.0 / self.canvas) * transfer
        constant = np.full((1, len(place)), math.sqrt(1.0 / self.canvas))
        return np.concatenate([constant, pairs * np.cos(phase), pairs * np.sin(phase)])

    @property
    def map(self) -> AxisMap:
        """The matrix and the frequencies for PyTorch."""
        return AxisMap(torch.from_numpy(self.matrix), torch.from_numpy(self.omega))

    @cached_property
    def norm(self) -> float:
        """Upper bound on the matrix' largest singular value.

        It is at most 1 in exact arithmetic: mask and transfer are at most 1, and padding followed
        by some rows of an orthogonal matrix does not increase norms. The computed value can be
        smaller because of the mask; its float64 error is far below the slack.
        """
        return float(np.linalg.norm(self.matrix, 2)) * (1.0 + 1e-9)


@final
@dataclass(frozen=True, eq=False)
class FourierFrame:
    """L for one channel: z = Y x X^T, a real 2-D Fourier transform one axis at a time.

    z is laid out as (rows.coefficients, cols.coefficients), row-major. The products of cosines and
    sines span the same spaces as the half-plane's cos(omega_x p_x +- omega_y p_y), by an orthogonal
    change of basis within each frequency; so noise, action and norms are the same, and no term is
    redundant.
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

    @cached_property
    def basis(self) -> Separable:
        """L as a map of rows and columns, with the frequencies of the pairs."""
        return Separable(self.rows.map, self.cols.map)

    @cached_property
    def canvas(self) -> Separable:
        """The same map of whole canvases; its adjoint is a readout that nothing is cut off from."""
        whole = (AxisMap(torch.from_numpy(a.whole), a.map.omega) for a in (self.rows, self.cols))
        return Separable(*whole)

    def shift(self, z: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """T: shift content right by dx and down by dy, (N, channels, *z); dx, dy (N, 1).

        Rows that share memory (z expanded from one row) are not copied.
        """
        omega_y, omega_x = self.basis.frequencies(z)
        down = _turns(dy[:, :, None, None] * omega_y[:, None])
        along = _turns(dx[:, :, None, None] * omega_x)
        if torch.is_grad_enabled() and (z.requires_grad or dx.requires_grad or dy.requires_grad):
            return turned(turned(z, *down, 1, -2), *along, 1, -1)
        out = torch.empty(z.shape, dtype=z.dtype, device=z.device)
        rows = len(z) if z.device.type != "cpu" else max(1, TRANSLATION.acted // z[0].numel())
        halfway = torch.empty(z[:rows].shape, dtype=z.dtype, device=z.device)
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            buffer = halfway[: len(z[part])]
            turn_into(buffer, z[part], down[0][part], down[1][part], 1, -2)
            turn_into(out[part], buffer, along[0][part], along[1][part], 1, -1)
        return out


def _turns(phase: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cos(phase), torch.sin(phase)


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


def z_space_of(low_pass_px: float, pad_px: int, frame_px: int, cutoff: float | None) -> str:
    """Return the name of the Fourier space with these options."""
    return f"translation fourier {float(low_pass_px)} {pad_px} {frame_px} {cutoff}"


def check_options(name: str, low_pass_px: float, pad_px: int, cutoff: float | None) -> None:
    """Raise ValueError if there is no frame with these options."""
    if not (math.isfinite(low_pass_px) and low_pass_px >= 0.0):
        raise ValueError(f"{name}: low_pass_px={low_pass_px} must be a number >= 0")
    if pad_px < 0:
        raise ValueError(f"{name}: pad_px={pad_px} must be at least 0 pixels")
    if cutoff is not None and not 0.0 < cutoff <= 0.5:
        raise ValueError(f"{name}: cutoff={cutoff} must lie in (0, 0.5] cycles a pixel")

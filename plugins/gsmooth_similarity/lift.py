"""The log-polar Fourier frame, in which rotation and scaling about the centre change phases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from gsmooth.geometry.rings import Floats, Rings
from gsmooth.geometry.sparse import torch_csr

DENSE_ENTRIES: Final = 4_000_000
"""Up to this size L is one dense matrix; beyond it, a sparse one and Fourier transforms."""
KEPT: Final = 2.4
"""Orders up to KEPT / low_pass_share: the low-pass damps those beyond by exp(-2.9) or more."""
REACH: Final = 3.5
"""Gaussian low-pass kernels are cut off at this many standard deviations, and sum to 1."""
INNER_PX: Final = 0.5
"""Approximate radius of the innermost ring; nearer to the centre, samples hardly differ."""


@final
@dataclass(frozen=True, eq=False)
class LogPolarFrame:
    """L = F W S for one channel.

    S: samples of the image at ``angles`` equal angles on rings of radii r_k = radius_px exp(-(rings
    - 1 - k) step), each after a Gaussian low-pass of std hypot(low_pass_px, low_pass_share r_k).
    W: weights w(r) sqrt(step * 2 pi / angles), w(r) = min(r, knee_px). F: zeros are appended to
    ``length`` rings, and of the unitary two-dimensional DFT the angular orders m <= ``top`` are
    kept, every one with its conjugate left out, as (cos, sin) pairs of weight sqrt(2). ``length``
    is odd and top < angles / 2, so there are no Nyquist terms. z is laid out as [the constant |
    real parts | imaginary parts].

    With weights r, the frame is tight, and scaling changes norms; with constant weights, scaling is
    a shift along ln r, which keeps norms. min(r, knee_px) is the former inside the knee and the
    latter outside, so noise of std sigma in z is like pixel noise of std sigma max(1, r / knee_px).
    """

    height: int
    width: int
    low_pass_px: float
    low_pass_share: float
    radius_px: float
    knee_px: float
    pad_ln: float

    @cached_property
    def top(self) -> int:
        """Highest angular order kept."""
        return math.ceil(KEPT / self.low_pass_share)

    @property
    def angles(self) -> int:
        """Samples on a ring: twice the number that the orders need, against aliasing."""
        return 4 * self.top

    @property
    def step(self) -> float:
        """Distance of rings in ln r; the highest order along it is then ``top`` as well."""
        return math.pi / self.top

    @cached_property
    def radii(self) -> Floats:
        """Radii of the rings in pixels, ascending, (rings,)."""
        span = max(0.0, math.log(self.radius_px / INNER_PX))
        back = np.arange(int(span / self.step), -1, -1)
        return np.asarray(self.radius_px * np.exp(-back * self.step))

    @cached_property
    def length(self) -> int:
        """Number of rings in a period, odd: those of the disc, and empty ones over pad_ln."""
        count = len(self.radii) + math.ceil(self.pad_ln / self.step)
        return count + 1 - count % 2

    @cached_property
    def turn(self) -> Floats:
        """Angular order of every pair, (pairs,)."""
        orders = np.arange(1, self.top + 1)
        identity_action = np.zeros(self.length // 2)
        return np.concatenate([identity_action, np.repeat(orders, self.length)]).astype(np.float64)

    @cached_property
    def pull(self) -> Floats:
        """Frequency along ln r of every pair, in radians per unit of log-scale, (pairs,)."""
        omega = 2.0 * np.pi * np.fft.fftfreq(self.length, self.step)
        return np.concatenate([omega[1 : self.length // 2 + 1], np.tile(omega, self.top)])

    @property
    def size(self) -> int:
        """K of one channel."""
        return self.length * (2 * self.top + 1)

    @cached_property
    def weight(self) -> Floats:
        """W: one number a sample, (samples,)."""
        return np.repeat(np.minimum(self.radii, self.knee_px), self.angles) * self._cell

    @cached_property
    def sampling(self) -> csr_array:
        """S as a sparse (samples, H * W) matrix, entries >= 0."""
        angles = np.full(len(self.radii), self.angles)
        return Rings(self.height, self.width, self.radii, angles).sampling(
            self._low_pass, REACH * np.array([self._std_px(radius) for radius in self.radii])
        )

    def _low_pass(self, down: Floats, right: Floats, radius: float) -> Floats:
        tall, wide = (_kernel(offset, self._std_px(radius)) for offset in (down, right))
        return np.asarray(tall[:, :, None] * wide[:, None, :])

    def _std_px(self, radius: float) -> float:
        return math.hypot(self.low_pass_px, self.low_pass_share * radius)

    @property
    def _cell(self) -> float:
        return math.sqrt(self.step * 2.0 * math.pi / self.angles)

    @cached_property
    def support(self) -> NDArray[np.int64]:
        """Flat indices of the pixels on which L depends."""
        return np.flatnonzero(self.sampling.sum(axis=0) > 0)

    @cached_property
    def norms(self) -> tuple[float, float, float]:
        """Upper bounds on ||L||, ||A L|| per radian and ||B L|| per ln; A, B the generators.

        Small frames: the largest singular values, whose float64 error is far below the slack.
        Others: Schur's test on W S (F only drops coefficients), times the highest order.
        """
        rows = float((self.sampling @ np.ones(self.height * self.width)).max())
        cols = float((self.sampling.T @ self.weight**2).max())
        coarse = math.sqrt(rows * cols) * (1.0 + 1e-9)
        highest = (1.0, float(self.turn.max()), float(np.abs(self.pull).max()))
        if not self.is_small:
            return coarse, coarse * highest[1], coarse * highest[2]
        lift = self.dense.numpy()
        ones = np.ones(len(self.turn))
        found = []
        for order, most in zip((ones, self.turn, self.pull), highest, strict=True):
            identity_action = 1.0 if order is ones else 0.0
            rates = np.concatenate([[identity_action], order, order])
            moved = lift * rates
            top = math.sqrt(max(0.0, float(np.linalg.eigvalsh(moved @ moved.T)[-1])))
            found.append(min(coarse * most, top * (1.0 + 1e-9)))
        return found[0], found[1], found[2]

    def analyse(self, image: Tensor) -> Tensor:
        """L, row by row: flat images (B, H * W) -> (B, K), in the image's dtype and device."""
        if self.is_small:
            lifted: Tensor = image @ _dense(self, False, image.dtype, image.device)
            return lifted
        columns: Tensor = _sparse(self, False, image.dtype, image.device) @ image.T.contiguous()
        return self.to_coefficients(columns.T)

    def synthesise(self, z: Tensor) -> Tensor:
        """Q = S' V F': (B, K) -> flat images (B, H * W). Q L is nearly twice the low-pass.

        It is the adjoint of the lift with weights V instead of W, where V W = r^2 step dphi are the
        weights of a tight frame: brightness is the same inside and outside the knee.
        """
        if self.is_small:
            read: Tensor = z @ _dense(self, True, z.dtype, z.device)
            return read
        columns = self.from_coefficients(z).T.contiguous()
        image: Tensor = _sparse(self, True, z.dtype, z.device) @ columns
        return image.T

    def lengths(self, image: Tensor) -> Tensor:
        """Upper bounds (B,) on ||L v|| over all |v| <= image pixel by pixel, image >= 0 (B, H * W).

        ||F|| <= 1 and W S >= 0, so ||L v|| <= ||W S |v||| <= ||W S image||.
        """
        columns: Tensor = _sparse(self, False, image.dtype, image.device) @ image.T.contiguous()
        longest: Tensor = columns.norm(dim=0)
        return longest

    @property
    def is_small(self) -> bool:
        """True if L is stored as a dense matrix: fastest for small images, too large for others."""
        return self.size * self.height * self.width <= DENSE_ENTRIES

    @cached_property
    def dense(self) -> Tensor:
        """The transpose of L, (H * W, K), float64 on the CPU."""
        columns = torch.from_numpy((self.sampling.T * self.weight).toarray())
        return self.to_coefficients(columns)

    @cached_property
    def dense_back(self) -> Tensor:
        """The transpose of Q, (K, H * W), float64 on the CPU."""
        unit = torch.eye(self.size, dtype=torch.float64, device="cpu")
        back = self.from_coefficients(unit).numpy() * self.back_weight
        return torch.from_numpy(np.ascontiguousarray((self.sampling.T @ back.T).T))

    @cached_property
    def back_weight(self) -> Floats:
        """V with V W = r^2 step dphi: the weights of a tight frame, (samples,)."""
        return np.repeat(self.radii**2, self.angles) * self._cell**2 / self.weight

    def to_coefficients(self, samples: Tensor) -> Tensor:
        """F: weighted samples (B, samples) -> (B, K)."""
        rings = samples.reshape(len(samples), -1, self.angles)
        orders = torch.fft.rfft(rings, dim=2, norm="ortho")[:, :, : self.top + 1]
        whole = torch.fft.fft(orders, n=self.length, dim=1, norm="ortho")
        identity_action = whole[:, 1 : self.length // 2 + 1, 0]
        pairs = torch.cat([identity_action, whole[:, :, 1:].mT.flatten(1)], dim=1) * math.sqrt(2.0)
        return torch.cat([whole[:, :1, 0].real, pairs.real, pairs.imag], dim=1)

    def from_coefficients(self, z: Tensor) -> Tensor:
        """The adjoint of F, (B, K) -> (B, samples)."""
        count, half = len(self.turn), self.length // 2
        pairs = torch.complex(z[:, 1 : 1 + count], z[:, 1 + count :]) / math.sqrt(2.0)
        identity_action = pairs[:, :half]
        first = torch.cat(
            [z[:, :1].to(pairs.dtype), identity_action, identity_action.flip(1).conj()], dim=1
        )
        others = pairs[:, half:].reshape(len(z), self.top, self.length).mT
        whole = torch.cat([first[:, :, None], others], dim=2)
        orders = torch.fft.ifft(whole, dim=1, norm="ortho")[:, : len(self.radii)]
        samples: Tensor = torch.fft.irfft(orders, n=self.angles, dim=2, norm="ortho")
        return samples.flatten(1)


# The frame for one image size is built once.
log_polar_frame = lru_cache(maxsize=16)(LogPolarFrame)


@lru_cache(maxsize=16)
def _dense(frame: LogPolarFrame, back: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The transpose of L, or of Q."""
    return (frame.dense_back if back else frame.dense).to(device=device, dtype=dtype)


@lru_cache(maxsize=16)
def _sparse(frame: LogPolarFrame, back: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """W S, or the transpose of V S, as a sparse matrix."""
    pure = frame.sampling
    matrix = csr_array(pure.T * frame.back_weight if back else pure * frame.weight[:, None])
    return torch_csr(matrix).to(device=device, dtype=dtype)


def _kernel(offset: Floats, spread: float) -> Floats:
    """Gaussian weights that sum to 1 along the last axis; those beyond REACH are 0."""
    # The least square is subtracted, so that very narrow kernels do not underflow to 0.
    square = (offset / spread) ** 2
    value = np.exp(-0.5 * (square - square.min(axis=1, keepdims=True)))
    value = np.where(square <= np.maximum(REACH**2, square.min(axis=1, keepdims=True)), value, 0.0)
    return np.asarray(value / value.sum(axis=1, keepdims=True))

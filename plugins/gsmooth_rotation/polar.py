"""The polar Fourier frame: where a rotation about the image centre is a change of phase."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import final

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

# Gaussian low-pass kernels are cut off at this many standard deviations. L is whatever linear map
# results; the cut costs accuracy of the covariance (exp(-8)), never soundness.
REACH = 4.0
DENSE_ENTRIES = 4_000_000


def ring_radii(radius_px: float, ring_step_px: float) -> np.ndarray:
    """Radii (k + 1/2) ring_step of the rings inside the disc, in pixels."""
    return (np.arange(max(1, int(radius_px / ring_step_px))) + 0.5) * ring_step_px


def kept_orders(radius_px: float, ring_step_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Ring and angular order of every kept pair, 1 <= m <= pi r_k; both (pairs,)."""
    radii = ring_radii(radius_px, ring_step_px)
    pairs = [(k, m) for k, r in enumerate(radii) for m in range(1, int(math.pi * r) + 1)]
    ring, order = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return ring, order


@final
@dataclass(frozen=True, eq=False)
class PolarFrame:
    """L for one channel: Gaussian-blurred samples on rings, then a unitary angular DFT.

    L = F W S, with S the low-pass sampling of the (H, W) image at ring radii (k + 1/2) ring_step
    and ``samples`` equal angles, W = sqrt(r dr dphi) and F the unitary real DFT restricted to
    orders m <= pi r_k. z is laid out as [m = 0 of every ring | real parts | imaginary parts];
    parts of one pair carry the same weight sqrt(2), so equal noise std (T4).
    """

    height: int
    width: int
    low_pass_px: float
    radius_px: float
    ring_step_px: float

    @cached_property
    def radii(self) -> np.ndarray:
        """Ring radii in pixels, (rings,)."""
        return ring_radii(self.radius_px, self.ring_step_px)

    @cached_property
    def samples(self) -> int:
        """Angles a ring: even, and enough for the highest kept order."""
        return 2 * (int(math.pi * self.radii[-1]) + 2)

    @cached_property
    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        return kept_orders(self.radius_px, self.ring_step_px)

    @cached_property
    def rings(self) -> int:
        """Number of rings, hence of coefficients that do not move."""
        return len(self.radii)

    @cached_property
    def orders(self) -> np.ndarray:
        """Angular order m of every pair, (pairs,)."""
        return self._kept[1]

    @cached_property
    def size(self) -> int:
        """K of one channel."""
        return self.rings + 2 * len(self.orders)

    @cached_property
    def sampling(self) -> csr_array:
        """W S as a sparse (rings * samples, H * W) matrix, float64, entries >= 0."""
        phi = 2.0 * np.pi * np.arange(self.samples) / self.samples
        # Rows of the image grow downwards; phi grows anticlockwise as seen on the screen.
        col = (self.width - 1) / 2 + self.radii[:, None] * np.cos(phi)
        row = (self.height - 1) / 2 - self.radii[:, None] * np.sin(phi)
        half = math.ceil(REACH * self.low_pass_px)
        offsets = np.arange(-half, half + 2)
        r0, c0 = np.floor(row).ravel(), np.floor(col).ravel()
        rows = (r0[:, None, None] + offsets[:, None]).astype(np.int64)
        cols = (c0[:, None, None] + offsets[None, :]).astype(np.int64)
        rows, cols = np.broadcast_arrays(rows, cols)
        down, right = rows - row.ravel()[:, None, None], cols - col.ravel()[:, None, None]
        squared = down**2 + right**2
        spread = self.low_pass_px**2
        value = np.exp(-squared / (2.0 * spread)) / (2.0 * math.pi * spread)
        inside = (rows >= 0) & (rows < self.height) & (cols >= 0) & (cols < self.width)
        weight = np.sqrt(np.repeat(self.radii, self.samples) * self._ring_cell)
        entry = np.broadcast_to(np.arange(len(r0))[:, None, None], rows.shape)
        data = (value * weight[:, None, None])[inside]
        place = (entry[inside], (rows * self.width + cols)[inside])
        return csr_array((data, place), shape=(len(r0), self.height * self.width))

    @property
    def _ring_cell(self) -> float:
        return self.ring_step_px * 2.0 * math.pi / self.samples

    @cached_property
    def norm(self) -> float:
        """Upper bound on ||L||: the weighted Schur test on W S (F only drops coefficients)."""
        matrix = self.sampling
        weight = np.sqrt(np.repeat(self.radii, self.samples) * self._ring_cell)
        rows = float(np.max(matrix.sum(axis=1) / weight))
        cols = float(np.max(matrix.T @ weight))
        return math.sqrt(rows * cols) * (1.0 + 1e-9)

    @cached_property
    def turning_norm(self) -> float:
        """Upper bound on ||A L||, A the generator of the rotation, per radian.

        Small frames: the largest singular value, whose float64 error is far below the slack.
        """
        coarse = float(max(self.orders, default=0)) * self.norm
        if not self._is_small:
            return coarse
        turn = np.concatenate([np.zeros(self.rings), self.orders, self.orders])
        matrix = self._dense(torch.float64, torch.device("cpu")).numpy() * turn[:, None]
        return min(coarse, float(np.linalg.norm(matrix, 2)) * (1.0 + 1e-9))

    @cached_property
    def support(self) -> np.ndarray:
        """Flat indices of the pixels that L looks at."""
        return np.flatnonzero(self.sampling.sum(axis=0) > 0)

    def analyse(self, image: Tensor) -> Tensor:
        """L, row by row: flat images (B, H * W) -> (B, K), in the image's dtype and device."""
        if self._is_small:
            return image @ self._dense(image.dtype, image.device).T
        samples = (self._sparse(image.dtype, image.device) @ image.T).T
        return self._to_coefficients(samples.reshape(-1, self.rings, self.samples))

    def synthesise(self, z: Tensor) -> Tensor:
        """The adjoint of L: (B, K) -> flat images (B, H * W)."""
        if self._is_small:
            return z @ self._dense(z.dtype, z.device)
        samples = self._from_coefficients(z).flatten(1)
        return (self._sparse_adjoint(z.dtype, z.device) @ samples.T).T

    @property
    def _is_small(self) -> bool:
        """A dense matrix is fastest for small images and impossible for large ones."""
        return self.size * self.height * self.width <= DENSE_ENTRIES

    def _to_coefficients(self, samples: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(samples, dim=2, norm="ortho")
        ring, order = self._indices(samples.device)
        pairs = spectrum[:, ring, order] * math.sqrt(2.0)
        return torch.cat([spectrum[:, :, 0].real, pairs.real, pairs.imag], dim=1)

    def _from_coefficients(self, z: Tensor) -> Tensor:
        ring, order = self._indices(z.device)
        ends = (self.rings, self.rings + len(order))
        still, real, imag = z.tensor_split(ends, dim=1)
        half = self.samples // 2 + 1
        spectrum = torch.zeros(len(z), self.rings, half, dtype=z.dtype, device=z.device)
        spectrum = torch.complex(spectrum, torch.zeros_like(spectrum))
        spectrum[:, :, 0] = still.to(spectrum.dtype)
        spectrum[:, ring, order] = torch.complex(real, imag) / math.sqrt(2.0)
        samples: Tensor = torch.fft.irfft(spectrum, n=self.samples, dim=2, norm="ortho")
        return samples

    def _indices(self, device: torch.device) -> tuple[Tensor, Tensor]:
        ring, order = self._kept
        return torch.from_numpy(ring).to(device), torch.from_numpy(order).to(device)

    @lru_cache(maxsize=8)  # noqa: B019 - frames are themselves cached and few
    def _dense(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        columns = torch.from_numpy(self.sampling.toarray().T.copy())
        matrix = self._to_coefficients(columns.reshape(-1, self.rings, self.samples)).T
        return matrix.contiguous().to(device=device, dtype=dtype)

    @lru_cache(maxsize=8)  # noqa: B019
    def _sparse(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        return _torch_csr(self.sampling).to(device=device, dtype=dtype)

    @lru_cache(maxsize=8)  # noqa: B019
    def _sparse_adjoint(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        return _torch_csr(csr_array(self.sampling.T)).to(device=device, dtype=dtype)


def _torch_csr(matrix: csr_array) -> Tensor:
    with warnings.catch_warnings():
        # PyTorch calls its CSR layout beta; only the product with a dense matrix is used here.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=True,
            dtype=torch.float64,
        )


@lru_cache(maxsize=16)
def polar_frame(
    height: int, width: int, low_pass_px: float, radius_px: float, ring_step_px: float
) -> PolarFrame:
    """The frame for one image size; built once."""
    return PolarFrame(height, width, low_pass_px, radius_px, ring_step_px)

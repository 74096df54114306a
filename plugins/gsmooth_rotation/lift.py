"""The polar Fourier frame, in which a rotation about the image centre is a change of phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import final

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.sparse import csr_array
from torch import Tensor

from gsmooth.geometry.rings import Floats, Rings
from gsmooth.geometry.sparse import torch_csr
from gsmooth_rotation.rings import edge_weights, kept_orders, ring_radii, weighted_sampling
from gsmooth_rotation.settings import ROTATION
from gsmooth_rotation.synthesis import Synthesis

DENSE_ENTRIES = 4_000_000


@final
@dataclass(frozen=True, eq=False)
class PolarFrame:
    """L for one channel: Gaussian-blurred samples on rings, then a unitary angular DFT.

    L = F G W S, with S the low-pass sampling of the (H, W) image at ring radii (k + 1/2) ring_step
    and ``samples`` equal angles, W = sqrt(r dr dphi), G the weights of the rings (``edge_weights``)
    and F the unitary real DFT restricted to orders m <= pi r_k. z is laid out as [m = 0 of every
    ring | real parts | imaginary parts]. Both parts of a pair have the weight sqrt(2), so that
    noise has the same std for both, as T4 needs.
    """

    height: int
    width: int
    low_pass_px: float
    radius_px: float
    ring_step_px: float
    edge_px: float = 0.0

    @cached_property
    def radii(self) -> np.ndarray:
        """Ring radii in pixels, (rings,)."""
        return ring_radii(self.radius_px, self.ring_step_px)

    @cached_property
    def samples(self) -> int:
        """Number of angles on a ring: even, and enough for the highest order."""
        least = int(math.pi * self.radii[-1]) + 2
        # Large prime factors make Fourier transforms slow in large frames.
        return 2 * (least if self._is_small else int(next_fast_len(least, real=True)))

    @cached_property
    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        return kept_orders(self.radius_px, self.ring_step_px)

    @cached_property
    def rings(self) -> int:
        """Number of rings, which is the number of fixed coefficients."""
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
    def _weighted(self) -> tuple[csr_array, Floats]:
        angles = np.full(self.rings, self.samples)
        rings = Rings(self.height, self.width, self.radii, angles)
        matrix, weight = weighted_sampling(rings, self.ring_step_px, self.low_pass_px)
        if self.edge_px > 0.0:
            edge = np.repeat(edge_weights(self.radii, self.radius_px, self.edge_px), angles)
            matrix.data *= np.repeat(edge, np.diff(matrix.indptr))
        return matrix, weight

    @property
    def sampling(self) -> csr_array:
        """G W S as a sparse (rings * samples, H * W) matrix, float64, entries > 0."""
        return self._weighted[0]

    @cached_property
    def norm(self) -> float:
        """Upper bound on ||L||: the weighted Schur test on G W S (F only drops coefficients)."""
        matrix, weight = self._weighted
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
        """Flat indices of the pixels on which L depends."""
        return np.flatnonzero(self.sampling.sum(axis=0) > 0)

    @cached_property
    def symmetry(self) -> tuple[float, float]:
        """A turn in degrees that maps pixels to pixels and samples to samples, and its error.

        R moves the pixels. Where L R = T L exactly nothing is left of E = L R - T L. The error
        bounds ||E x|| for one channel with pixels of at most 1: the length of the row sums of |E|
        before the Fourier transform, which turns T into a shift of samples and lengthens nothing.
        """
        quarter = self.height == self.width and self.samples % 4 == 0
        turns, images = (1 if quarter else 2), np.arange(self.height * self.width)
        pixels = np.rot90(images.reshape(self.height, self.width), -turns).ravel()
        samples = np.arange(self.rings * self.samples).reshape(self.rings, -1)
        moved = np.roll(samples, turns * self.samples // 4, axis=1).ravel()
        # Row j of S reads pixel p, as row j + shift reads the pixel that p is turned to.
        apart = abs(self.sampling[moved][:, np.argsort(pixels)] - self.sampling)
        return 90.0 * turns, float(np.linalg.norm(apart.sum(axis=1)))

    def analyse(self, image: Tensor) -> Tensor:
        """L, row by row: flat images (B, H * W) -> (B, K), in the image's dtype and device."""
        if self._is_small:
            return image @ self._dense(image.dtype, image.device).T
        step = ROTATION.lifted_images if image.device.type == "cpu" else max(1, len(image))
        parts = torch.split(image, step) if len(image) > step else (image,)
        return torch.cat([self._lifted(part) for part in parts])

    def sampled(self, image: Tensor) -> Tensor:
        """G W S of flat images (B, H * W), column by column: (rings * samples, B)."""
        # The product is several times faster with contiguous columns.
        return self._sparse(image.dtype, image.device) @ image.T.contiguous()

    def _lifted(self, image: Tensor) -> Tensor:
        columns = self.sampled(image)
        return self._to_coefficients(columns.T.reshape(-1, self.rings, self.samples))

    def synthesise(self, z: Tensor) -> Tensor:
        """Q: (B, K) -> flat images (B, H * W). L's adjoint; nearly so in large frames."""
        if self._is_small:
            return z @ self._dense(z.dtype, z.device)
        return self._synthesis(z)

    @property
    def _is_small(self) -> bool:
        """True if L is stored as a dense matrix: fastest for small images, too large for others."""
        return self.size * self.height * self.width <= DENSE_ENTRIES

    def _to_coefficients(self, samples: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(samples, dim=2, norm="ortho")
        ring, order = self._indices(samples.device)
        pairs = spectrum[:, ring, order] * math.sqrt(2.0)
        return torch.cat([spectrum[:, :, 0].real, pairs.real, pairs.imag], dim=1)

    @cached_property
    def _synthesis(self) -> Synthesis:
        counts = np.bincount(self._kept[0], minlength=self.rings)
        size = (self.height, self.width, self.low_pass_px, self.radius_px, self.ring_step_px)
        return Synthesis(*size, counts, self.edge_px)

    @lru_cache(maxsize=8)  # noqa: B019 - frames are themselves cached and few
    def _indices(self, device: torch.device) -> tuple[Tensor, Tensor]:
        ring, order = self._kept
        return torch.from_numpy(ring).to(device), torch.from_numpy(order).to(device)

    @lru_cache(maxsize=8)  # noqa: B019
    def _dense(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        columns = torch.from_numpy(self.sampling.toarray().T.copy())
        matrix = self._to_coefficients(columns.reshape(-1, self.rings, self.samples)).T
        return matrix.contiguous().to(device=device, dtype=dtype)

    @lru_cache(maxsize=8)  # noqa: B019
    def _sparse(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch_csr(self.sampling).to(device=device, dtype=dtype)


# The frame for one image size is built once.
polar_frame = lru_cache(maxsize=16)(PolarFrame)

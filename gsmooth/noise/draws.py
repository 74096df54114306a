"""Noise as a function of its coordinate, and nothing else."""

from __future__ import annotations

from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.noise.coordinate import Coordinate
from gsmooth.theory.laws import Law

SAMPLER: Final = "philox-blake2b-ziggurat-1"
"""Names how a coordinate becomes noise; stored with every record."""


def draw(
    coordinate: Coordinate, law: Law, rows: int, out: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fill ``out`` (rows, K) with standard normals and return theta (rows, m) from ``law``.

    Float64 throughout: float32 noise is 24 bits wide and betrays the input (F1).
    """
    rng = coordinate.generator()
    # Midpoints of 2^-52 cells: never 0 or 1, exactly representable.
    ticks = rng.integers(0, 2**52, size=(rows, law.dimensions), dtype=np.int64)
    theta = law.theta_from_uniform((ticks + 0.5) * 2.0**-52)
    rng.standard_normal(out=out)
    return theta


@final
class Draws:
    """The random numbers of one coordinate, in their order: theta, then the noise of its rows.

    device: where noise is drawn; it never leaves it. Draws of one coordinate are bitwise the same
    on all devices of one kind.
    """

    def __init__(self, coordinate: Coordinate, device: torch.device) -> None:
        self._rng = coordinate.generator()
        self._device = device

    def theta(self, law: Law, rows: int) -> NDArray[np.float64]:
        """(rows, m) parameters from ``law``, on the host: they are few."""
        # Midpoints of 2^-52 cells: never 0 or 1, exactly representable.
        ticks = self._rng.integers(0, 2**52, size=(rows, law.dimensions), dtype=np.int64)
        return law.theta_from_uniform((ticks + 0.5) * 2.0**-52)

    def around(self, mean: Tensor, rows: int, sigma: float, grid: float) -> Tensor:
        """round_grid(mean + sigma N(0, I)) for ``rows`` rows, float32 (rows, K) on the device.

        mean: float64 (rows, K), or (1, K) for all rows. grid 0: not rounded to anything but
        float32.
        """
        noise = self._rng.standard_normal((rows, mean.shape[1]))
        noisy = torch.from_numpy(noise).to(self._device).mul_(sigma).add_(mean)
        if grid != 0.0:
            # Exact in float64: scaling by a power of two, rounding to an integer, scaling back.
            noisy = noisy.mul_(1.0 / grid).round_().mul_(grid)
        return noisy.to(torch.float32)

"""Noise as a function of its coordinate, and nothing else."""

from __future__ import annotations

from functools import cached_property
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.sampling.noise.grid_cells import around_by_cells, fits
from gsmooth.sampling.noise.key import SampleKey
from gsmooth.sampling.noise.normals import around_by_normals, device_normals
from gsmooth.theory.laws import Law

SAMPLER: Final = "blake2b-philox-sfc64-cells16-1"
"""Names how a coordinate becomes noise on the host; stored with every record."""


def sampler_on(device: torch.device) -> str:
    """The name of the sampler on this kind of device: runs of two kinds are never mixed."""
    return sampler_of_kind(device.type)


def sampler_of_kind(kind: str) -> str:
    """The same for the kind of device alone: "cpu", "cuda"."""
    return SAMPLER if kind == "cpu" else f"blake2b-philox-torch-{kind}-1"


@final
class Draws:
    """The random numbers of one coordinate: theta, and the noise of its rows.

    device: where noise is drawn; it never leaves it. Draws of one coordinate are bitwise the same
    on all devices of one kind, and differ between kinds. Theta has a stream of its own, on the
    host, and is the same everywhere.
    """

    def __init__(self, sample_key: SampleKey, device: torch.device) -> None:
        self._sample_key = sample_key
        self._device = device

    @cached_property
    def _parameters(self) -> np.random.Generator:
        return self._sample_key.generator()

    @cached_property
    def _pixels(self) -> np.random.Generator:
        return self._sample_key.pixels()

    def theta(self, law: Law, rows: int) -> NDArray[np.float64]:
        """(rows, m) parameters from ``law``, on the host: they are few."""
        shape = (rows, law.dimensions)
        if law.dimensions == 0:  # Setting up a stream costs as much as a thousand pixels.
            return law.theta_from_uniform(np.empty(shape))
        # Midpoints of 2^-52 cells: never 0 or 1, exactly representable.
        ticks = self._parameters.integers(0, 2**52, size=shape, dtype=np.int64)
        return law.theta_from_uniform((ticks + 0.5) * 2.0**-52)

    def around(self, mean: Tensor, rows: int, sigma: float, grid: float) -> Tensor:
        """round_grid(mean + sigma N(0, I)) for ``rows`` rows, float32 (rows, K) on the device.

        mean: float64 (rows, K), or (1, K) for all rows, on the device. grid: a power of two; 0: not
        rounded to anything but float32. Zeros are +0. Called once a coordinate: on the host a
        second call goes on in the stream, on another device it would repeat it.
        """
        mean = mean.detach()
        if self._device.type != "cpu":
            # Not yet run on a GPU; the tests run the two calls with a generator on the CPU.
            normals = device_normals(
                self._sample_key.device_seed(), rows, mean.shape[1], self._device
            )
        elif grid != 0.0 and fits(mean, sigma, grid):
            return around_by_cells(self._pixels.bit_generator, mean, rows, sigma, grid)
        else:
            normals = torch.from_numpy(self._pixels.standard_normal((rows, mean.shape[1])))
        return around_by_normals(normals, mean, sigma, grid)

"""Noise as a function of its sample key alone."""

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
"""Names how a sample key becomes noise on the host; stored with every record."""


def sampler_on(device: torch.device) -> str:
    """The name of the sampler on a kind of device; runs with different samplers are never mixed.

    Args:
        device: Where noise is drawn.

    Returns:
        The name, as it is stored with every record.
    """
    return sampler_of_kind(device.type)


def sampler_of_kind(kind: str) -> str:
    """The name of the sampler on a kind of device.

    Args:
        kind: "cpu", "cuda", ...

    Returns:
        The name, as it is stored with every record.

    Example:
        >>> sampler_of_kind("cpu")
        'blake2b-philox-sfc64-cells16-1'
    """
    return SAMPLER if kind == "cpu" else f"blake2b-philox-torch-{kind}-1"


@final
class Draws:
    """The random numbers of one sample key: theta, and the noise of its rows.

    Draws of one sample key are bitwise the same on all devices of one kind, and differ between
    kinds. Theta has a stream of its own, on the host, and is the same everywhere.

    Args:
        sample_key: The place of the chunk of votes.
        device: Where the noise on z is drawn, and stays.

    Example:
        >>> from gsmooth.sampling.noise.key import Stream
        >>> from gsmooth.theory.laws import GaussianLaw
        >>> key = SampleKey(seed=1, image=0, stream=Stream.ESTIMATION, centre=0, chunk=0)
        >>> draws = Draws(key, torch.device("cpu"))
        >>> draws.theta(GaussianLaw((10.0,), sigma=0.25), rows=64).shape
        (64, 1)
        >>> mean = torch.zeros(1, 784, dtype=torch.float64)
        >>> draws.around(mean, rows=64, sigma=0.25, grid=2.0**-8).shape
        torch.Size([64, 784])
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
        """Parameters from a noise law, on the host.

        Args:
            law: The noise law, of m parameters.
            rows: Number of draws.

        Returns:
            theta (rows, m) in the units of the parameters.
        """
        shape = (rows, law.dimensions)
        if law.dimensions == 0:  # Setting up a stream costs as much as a thousand pixels.
            return law.theta_from_uniform(np.empty(shape))
        # Midpoints of 2^-52 cells: never 0 or 1, exactly representable.
        ticks = self._parameters.integers(0, 2**52, size=shape, dtype=np.int64)
        return law.theta_from_uniform((ticks + 0.5) * 2.0**-52)

    def around(self, mean: Tensor, rows: int, sigma: float, grid: float) -> Tensor:
        """Noisy points on the grid: round_grid(mean + sigma N(0, I)).

        It is called once a sample key. On the host a second call goes on in the stream; on another
        device it would repeat it.

        Args:
            mean: Points (rows, K), or (1, K) for all rows, float64, on the device.
            rows: Number of noisy points.
            sigma: Standard deviation of the noise.
            grid: Power of two to whose multiples values are rounded; 0: rounded to float32 only.

        Returns:
            Noisy points (rows, K), float32, on the device. Zeros are +0.
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

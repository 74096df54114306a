"""Noise around points, written straight into the batch that the network reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import final

import numpy as np
import torch
from torch import Tensor

from gsmooth.sampling.noise import Draws
from gsmooth.sampling.request import SampleRequest
from gsmooth.sampling.settings import SAMPLING
from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Transformation


@final
@dataclass(frozen=True)
class NoisyPoints:
    """round_grid(T_theta z + sigma delta), drawn a few requests at a time."""

    transformation: Transformation
    law: Law
    grid: float

    def batch(
        self,
        requests: Sequence[SampleRequest],
        device: torch.device,
        least: int = 0,
        pool: Executor | None = None,
    ) -> Tensor:
        """The noisy points of all requests, (rows, K) float32.

        Besides the batch, each thread holds the memory of one strip of it.

        Args:
            requests: The requests, in order.
            device: Where the batch is.
            least: The batch is padded to so many rows, by repetition.
            pool: Threads that draw the noise; None: the calling thread.
        """
        rows = _rows(requests)
        z = torch.empty(
            (max(rows, least), requests[0].z.numel()), device=device, dtype=torch.float32
        )
        # Every thread of the pool gets an equal part.
        each = -(-rows * z.shape[1] // (torch.get_num_threads() if pool else 1))
        most = min(SAMPLING.strip_numbers, each)
        strips = list(_strips(_on_device(requests, device), most))
        ends = accumulate(_rows(strip) for strip in strips)
        parts = [z[end - _rows(strip) : end] for strip, end in zip(strips, ends, strict=True)]
        for _ in (pool.map if pool else map)(self._fill, strips, parts):
            pass
        if rows < len(z):
            z[rows:] = z[torch.arange(len(z) - rows, device=device, dtype=torch.int64) % rows]
        return z

    # Threads of a pool do not inherit no_grad. Not inference_mode, because tensors that plugins
    # cache here are also used where gradients are needed.
    @torch.no_grad()
    def _fill(self, strip: Sequence[SampleRequest], out: Tensor) -> None:
        """Write the rows of some requests into ``out``."""
        draws = [Draws(request.sample_key, out.device) for request in strip]
        if self.law.dimensions:
            drawn = zip(draws, strip, strict=True)
            theta = np.concatenate([draw.theta(self.law, request.rows) for draw, request in drawn])
            columns = sent(torch.from_numpy(theta), out.device).tensor_split(theta.shape[1], dim=1)
            moved = self.transformation.act(_repeated(strip), *columns)
            means = torch.split(moved, [request.rows for request in strip])
        else:  # One mean is enough for all rows of a request.
            means = tuple(request.z[None] for request in strip)
        rows = torch.split(out, [request.rows for request in strip])
        for draw, mean, part in zip(draws, means, rows, strict=True):
            part.copy_(draw.around(mean, len(part), self.law.sigma, self.grid))


def _rows(requests: Sequence[SampleRequest]) -> int:
    return sum(request.rows for request in requests)


def _strips(requests: Sequence[SampleRequest], most: int) -> Iterator[list[SampleRequest]]:
    """Consecutive requests that have at most ``most`` numbers together; at least one each."""
    strip: list[SampleRequest] = []
    for request in requests:
        if strip and (_rows(strip) + request.rows) * request.z.numel() > most:
            yield strip
            strip = []
        strip.append(request)
    yield strip


def _repeated(requests: Sequence[SampleRequest]) -> Tensor:
    """The points of all rows (rows, K); not copied if all are the same."""
    if all(request.z is requests[0].z for request in requests):
        return requests[0].z.expand(_rows(requests), -1)
    return torch.cat([request.z.expand(request.rows, -1) for request in requests])


def _on_device(requests: Sequence[SampleRequest], device: torch.device) -> list[SampleRequest]:
    """The same requests with points on ``device``; a shared point is transferred once."""
    distinct = {id(request.z): request.z for request in requests}
    there = {key: sent(z, device) for key, z in distinct.items()}
    return [replace(request, z=there[id(request.z)]) for request in requests]


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` on ``device``, without waiting for the device."""
    if device.type == "cuda" and not tensor.is_cuda:
        # A copy from pageable memory would wait for the whole queue.
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)

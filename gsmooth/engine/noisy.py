"""Noise around points, written straight into the batch that the network reads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import accumulate
from typing import final

import torch
from torch import Tensor

from gsmooth.engine.ballot import Ballot
from gsmooth.noise import Draws
from gsmooth.theory.laws import Law
from gsmooth.transformation import Transformation


@final
@dataclass(frozen=True)
class NoisyPoints:
    """round_grid(T_theta z + sigma delta), drawn ballot by ballot."""

    transformation: Transformation
    law: Law
    grid: float

    def batch(
        self,
        ballots: Sequence[Ballot],
        device: torch.device,
        least: int = 0,
        pool: Executor | None = None,
    ) -> Tensor:
        """(rows, K) float32 on ``device``, for all ballots; padded to ``least`` rows by repetition.

        pool: where ballots are drawn; None: in this thread. Besides the batch itself, only what
        one ballot needs is held in memory (by every thread of the pool).
        """
        ends = list(accumulate(ballot.rows for ballot in ballots))
        rows = ends[-1]
        z = torch.empty((max(rows, least), ballots[0].z.numel()), device=device)
        points = _on_device(ballots, device)

        def fill(ballot: Ballot, point: Tensor, end: int) -> None:
            z[end - ballot.rows : end] = self._around(ballot, point)

        # Threads of a pool do not inherit no_grad; _around sees to it itself.
        for _ in (pool.map if pool else map)(fill, ballots, points, ends):
            pass
        if rows < len(z):
            z[rows:] = z[torch.arange(len(z) - rows, device=device) % rows]
        return z

    # Not inference_mode: what plugins cache here, others differentiate through.
    @torch.no_grad()
    def _around(self, ballot: Ballot, point: Tensor) -> Tensor:
        """The rows of one ballot; the point is not repeated unless each row moves it otherwise."""
        draws = Draws(ballot.coordinate, point.device)
        theta = draws.theta(self.law, ballot.rows)
        mean = point[None]
        if self.law.dimensions:
            columns = sent(torch.from_numpy(theta), point.device)
            mean = self.transformation.act(
                point.expand(ballot.rows, -1), *columns.tensor_split(self.law.dimensions, dim=1)
            )
        return draws.around(mean, ballot.rows, self.law.sigma, self.grid)


def _on_device(ballots: Sequence[Ballot], device: torch.device) -> list[Tensor]:
    """The point of every ballot; one that several share is sent once."""
    distinct = {id(ballot.z): ballot.z for ballot in ballots}
    there = {key: sent(z, device) for key, z in distinct.items()}
    return [there[id(ballot.z)] for ballot in ballots]


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` on ``device``, without waiting for what that device is doing."""
    if device.type == "cuda" and not tensor.is_cuda:
        # A copy from pageable memory would wait for the whole queue.
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)

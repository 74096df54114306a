"""SampleRequest: votes to be counted around one point; BatchQueue: requests in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import final

from torch import Tensor

from gsmooth.sampling.noise import CHUNK, SampleKey


@final
@dataclass(frozen=True)
class SampleRequest:
    """A chunk of votes to be counted.

    Args:
        sample_key: The key of the noise.
        z: The point (K,) that noise is added to.
        rows: Votes, at most CHUNK; another number of rows gives other draws.
    """

    sample_key: SampleKey
    z: Tensor
    rows: int = CHUNK


@final
@dataclass
class BatchQueue:
    """Hands out requests as batches, to one worker or to several at once.

    Args:
        requests: The requests with the most rows come first, so that small ones fill up batches.
        batches: The batches so far, as ranges in ``requests``.
    """

    requests: Sequence[SampleRequest]
    batches: list[range] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def next(self, most: int) -> range | None:
        """The next batch of at most ``most`` rows, or of one request; None if none is left."""
        with self._lock:
            start = self.batches[-1].stop if self.batches else 0
            if start == len(self.requests):
                return None
            stop, rows = start + 1, self.requests[start].rows
            while stop < len(self.requests) and rows + self.requests[stop].rows <= most:
                rows += self.requests[stop].rows
                stop += 1
            self.batches.append(range(start, stop))
            return self.batches[-1]

    def stop(self) -> None:
        """Hand out no more batches."""
        with self._lock:
            self.batches.append(range(len(self.requests), len(self.requests)))

    def batch_of(self, place: int) -> int:
        """The number, from 1, of the batch with the request at ``place``."""
        return 1 + next(number for number, part in enumerate(self.batches) if place in part)

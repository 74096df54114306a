"""What is asked of the engine: some votes at one coordinate, around one point."""

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
    """A chunk of votes to be counted: its coordinate and the point z (K,) that noise is added to.

    rows: votes drawn, at most CHUNK; part of the coordinate in effect.
    """

    sample_key: SampleKey
    z: Tensor
    rows: int = CHUNK


@final
@dataclass
class BatchQueue:
    """Requests dealt out as batches, to one worker or to several at once.

    requests: those with the most rows first, so that small ones fill the batches up. dealt: the
    batches so far, as places in ``requests``.
    """

    requests: Sequence[SampleRequest]
    dealt: list[range] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def next(self, most: int) -> range | None:
        """The next batch of at most ``most`` rows, but of one request at least; None: no more."""
        with self._lock:
            start = self.dealt[-1].stop if self.dealt else 0
            if start == len(self.requests):
                return None
            stop, rows = start + 1, self.requests[start].rows
            while stop < len(self.requests) and rows + self.requests[stop].rows <= most:
                rows += self.requests[stop].rows
                stop += 1
            self.dealt.append(range(start, stop))
            return self.dealt[-1]

    def stop(self) -> None:
        """BatchQueue nothing more."""
        with self._lock:
            self.dealt.append(range(len(self.requests), len(self.requests)))

    def batch_of(self, place: int) -> int:
        """The number, from 1, of the batch that the request at ``place`` was dealt in."""
        return 1 + next(number for number, part in enumerate(self.dealt) if place in part)

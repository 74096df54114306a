"""Leases: which images of a run are given to which worker, and which are committed.

A vote is a function of its key, so it does no harm if two workers certify one image: the rows are
the same, and the first one is committed.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from gsmooth.errors import RecordError, WorkerError
from gsmooth.runs.machines.merge import without_times
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN


@final
@dataclass(frozen=True)
class Lease:
    """Images that one worker is to certify.

    number: of the lease, ascending. worker: the number of the worker.
    """

    number: int
    worker: int
    indices: tuple[int, ...]


@final
class Leases:
    """The images of a run that are not recorded yet.

    Args:
        todo: Their positions, in the order in which they are given out.
        most: Images of a lease, at most.
        workers: How many workers there are.
    """

    def __init__(self, todo: Iterable[int], most: int, workers: int) -> None:
        self._waiting = deque(todo)
        self._alone: deque[int] = deque()
        self._most, self._workers = most, workers
        self._open = set(self._waiting)
        self._given: dict[int, Lease] = {}
        self._committed: dict[int, bytes] = {}
        self._killed: dict[int, list[int]] = defaultdict(list)
        self._number = 0

    @property
    def left(self) -> int:
        """Images that are not committed."""
        return len(self._open)

    def issue(self, worker: int) -> Lease | None:
        """Give images to a worker; None while all that are left are with others.

        Towards the end leases become smaller, so that no worker is left alone with a large one. An
        image whose worker died is given out alone, so that it is known which one does that.
        """
        indices = self._taken()
        if not indices:
            return None
        self._number += 1
        lease = self._given[self._number] = Lease(self._number, worker, tuple(indices))
        return lease

    def commit(self, row: Row) -> bool:
        """Take note of a row; whether it is the first of its image, which is to be written.

        RecordError where a second one is not the same row: some worker computes otherwise.
        """
        digest = hashlib.sha256(without_times(row).to_json().encode()).digest()
        return self.done(row.index, digest)

    def done(self, index: int, digest: bytes) -> bool:
        """:meth:`commit` of a row with this digest."""
        known = self._committed.setdefault(index, digest)
        if known != digest:
            raise RecordError(
                f"image {index}: two workers found different rows of it, though votes follow"
                " from seed, image and model; the first one is recorded. One of the machines"
                " computes otherwise: run 'gsmooth check' on both"
            )
        first = index in self._open
        self._open.discard(index)
        return first

    def returned(self, lease: Lease) -> None:
        """A worker is done with a lease; what it left out is given out again, first of all."""
        left = self._left_of(lease)
        self._waiting.extendleft(reversed(left))

    def lost(self, lease: Lease) -> None:
        """The worker of a lease died; what it left is given out again, one image at a time.

        WorkerError where an image has done that to several workers.
        """
        left = self._left_of(lease)
        if len(lease.indices) == 1 and left:
            self._require_harmless(lease)
        self._alone.extend(left)

    def _left_of(self, lease: Lease) -> list[int]:
        del self._given[lease.number]
        return [index for index in lease.indices if index in self._open]

    def _taken(self) -> list[int]:
        while self._alone:
            index = self._alone.popleft()
            if index in self._open:
                return [index]
        most = max(1, min(self._most, math.ceil(len(self._waiting) / (2 * self._workers))))
        found: list[int] = []
        while self._waiting and len(found) < most:
            index = self._waiting.popleft()
            if index in self._open:
                found.append(index)
        return found

    def _require_harmless(self, lease: Lease) -> None:
        index = lease.indices[0]
        died = self._killed[index]
        died.append(lease.worker)
        most = RUN.workers.deaths
        if len(died) >= most and len(set(died)) >= min(most, self._workers):
            raise WorkerError(
                f"image {index}: {len(died)} workers died while they certified it alone; look at"
                " it, or leave it out (data.start, data.every, data.limit)"
            )

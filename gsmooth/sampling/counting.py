"""Counting: batches of requests become a table of votes, on the device until all are in."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import groupby
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.boundaries.user_code import users_code
from gsmooth.errors import ConfigurationError, MemoryShortError, ModelError
from gsmooth.models.call import out_of_memory
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noisy_batch import NoisyPoints
from gsmooth.sampling.request import BatchQueue, SampleRequest
from gsmooth.sampling.workers import Worker, hired, require_one_kind, started_pool


@final
class Counter:
    """Counts requests, batch by batch, on one device or several.

    batch_size: rows of one forward pass at most; halved where they do not fit into memory. A
    request is drawn as a whole, and takes several passes where it has more rows than that. pinned:
    every forward pass has exactly so many, for a classifier whose labels depend on it. devices: one
    worker each, by default the classifier's own. Counts depend on none of these, since votes are
    functions of their coordinates; but for batch_size, where a classifier has to be pinned.
    """

    def __init__(
        self,
        classifier: Classifier,
        noisy: NoisyPoints,
        batch_size: int,
        *,
        fixed_batch: bool = False,
        devices: Sequence[str] = (),
    ) -> None:
        if batch_size < 1:
            raise ConfigurationError(f"engine: batch_size={batch_size} must be at least 1 row")
        require_one_kind(classifier.device, devices)
        self.batch_size = batch_size
        self.fixed_batch = fixed_batch
        self._classifier, self._noisy, self._devices = classifier, noisy, tuple(devices)
        self._workers: list[Worker] = []
        self._threads: ThreadPoolExecutor | None = None

    @property
    def at_once(self) -> int:
        """Rows that fill one batch of every worker."""
        return self.batch_size * max(1, len(self._devices))

    @property
    def device(self) -> torch.device:
        """Where the first worker is."""
        return self._classifier.device

    def count(self, requests: Sequence[SampleRequest]) -> NDArray[np.int64]:
        """Votes by class, (len(requests), classes + 1); the last column holds ties (F3).

        ModelError, and no counts, where scores are not finite. One transfer from each device.
        """
        order = sorted(range(len(requests)), key=lambda place: -requests[place].rows)
        deal = BatchQueue([requests[place] for place in order])
        made = self._tables(deal)
        # A GPU reports what went wrong in a batch when its results are fetched.
        with users_code(f"{self._classifier.name}: its batches raised", ModelError):
            tables = [table.cpu().numpy() for table in made]
        found: NDArray[np.int64] = np.sum(tables, axis=0)
        self._require_finite(deal, found[:, -1])
        counts: NDArray[np.int64] = np.empty_like(found[:, :-1])
        counts[order] = found[:, :-1]
        return counts

    def resized(self, batch_size: int) -> Counter:
        """The same workers with batches of exactly so many rows, or an error: for measuring."""
        self._ready()
        other = Counter(
            self._classifier, self._noisy, batch_size, fixed_batch=True, devices=self._devices
        )
        other._workers, other._threads = self._workers, self._threads
        return other

    def alone(self) -> Counter:
        """One worker, that draws in this very thread."""
        other = Counter(
            self._classifier, self._noisy, self.batch_size, fixed_batch=self.fixed_batch
        )
        other._workers = [Worker(self._classifier, self._noisy)]
        return other

    def _tables(self, deal: BatchQueue) -> list[Tensor]:
        """What every worker has counted: (requests, classes + 2) int64, on its device."""
        self._ready()
        if self._threads is None:
            return [self._work(self._workers[0], deal)]
        futures = [self._threads.submit(self._work, worker, deal) for worker in self._workers]
        wait(futures)
        return [future.result() for future in futures]

    def _ready(self) -> None:
        if self._workers:
            return
        self._workers = hired(self._classifier, self._noisy, self._devices)
        if (number := len(self._workers)) > 1:
            # Workers on one processor share its threads.
            shared = torch.get_num_threads() // number
            self._threads = started_pool(number, max(1, shared))

    def _work(self, worker: Worker, deal: BatchQueue) -> Tensor:
        classifier = worker.classifier
        table = torch.zeros(
            (len(deal.requests), classifier.classes + 2),
            dtype=torch.int64,
            device=classifier.device,
        )
        try:
            while (part := deal.next(self.batch_size)) is not None:
                self._tally(worker, deal.requests, part, table)
        except BaseException:
            deal.stop()  # The other workers need not go on.
            raise
        return table

    def _tally(
        self, worker: Worker, requests: Sequence[SampleRequest], part: range, table: Tensor
    ) -> None:
        """Cast the votes of ``requests[part]``; in two halves where memory is short.

        The halves repeat the very draws that the whole would have had, and nothing has been counted
        before, so no vote is lost, doubled or biased.
        """
        votes = self._votes(worker, [requests[place] for place in part])
        while votes is None and len(part) == 1:
            # A request is drawn as a whole, and shown to the network in as many passes as it takes.
            votes = self._votes(worker, [requests[part.start]])
        if votes is not None:
            _add(table[part.start : part.stop], [requests[place].rows for place in part], votes)
            return
        middle = (part.start + part.stop) // 2
        self._tally(worker, requests, range(part.start, middle), table)
        self._tally(worker, requests, range(middle, part.stop), table)

    def _votes(self, worker: Worker, group: Sequence[SampleRequest]) -> Tensor | None:
        """The votes of one batch, or None where they did not fit and fewer may."""
        try:
            return worker.votes(group, self.batch_size, self.fixed_batch)
        except (RuntimeError, MemoryError, MemoryShortError) as error:
            if not out_of_memory(error):
                raise
            rows = sum(request.rows for request in group)
            if self.fixed_batch or min(rows, self.batch_size) == 1:
                raise self._too_large(rows) from error
        # Outside of the handler, so that the failed pass and all that it held are gone by now.
        gc.collect()
        if worker.classifier.device.type == "cuda":
            torch.cuda.empty_cache()
        self._halve(rows)
        return None

    def _halve(self, rows: int) -> None:
        tried = min(self.batch_size, rows)
        smaller = max(1, tried // 2)
        if smaller < self.batch_size:
            warnings.warn(
                f"{self._classifier.name}: a batch of {tried} does not fit into memory; going on"
                f" with {smaller} (engine.batch_size). No count is changed by it",
                RuntimeWarning,
                stacklevel=2,
            )
            self.batch_size = smaller

    def _too_large(self, rows: int) -> MemoryShortError:
        rows = self.batch_size if self.fixed_batch else min(rows, self.batch_size)
        remedy = (
            "its labels depend on the batch size, so the size cannot be changed in a run; begin a"
            " new one with a smaller engine.batch_size"
            if self.fixed_batch and self.batch_size > 1
            else "no smaller batch is possible; free memory, or use a machine with more of it,"
            " a smaller model or lower precision"
        )
        return MemoryShortError(
            f"{self._classifier.name}: a batch of {rows} does not fit into memory; {remedy}"
        )

    def _require_finite(self, deal: BatchQueue, bad: NDArray[np.int64]) -> None:
        places = np.flatnonzero(bad).tolist()
        if not places:
            return
        images = sorted({deal.requests[place].sample_key.image for place in places})
        asked = sum(deal.requests[place].rows for place in places)
        raise self._classifier.not_finite(
            f"{bad.sum()} of {asked} votes for image {', '.join(map(str, images))}, first in batch"
            f" {deal.batch_of(places[0])} of {len(deal.dealt)}"
        )


def _add(table: Tensor, rows: Sequence[int], votes: Tensor) -> None:
    """Add votes (sum(rows),) to the requests (len(rows), columns) that they were cast for."""
    one = votes.new_ones(())
    request = vote = 0
    # Runs of equally large requests: no index has to be made on the host and sent.
    for size, run in groupby(rows):
        count = len(list(run))
        part = votes[vote : vote + count * size].reshape(count, size)
        table[request : request + count].scatter_add_(1, part, one.expand(count, size))
        request, vote = request + count, vote + count * size

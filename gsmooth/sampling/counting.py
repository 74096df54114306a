"""Counter: counts the votes of requests; the table of counts stays on the device to the end."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import groupby
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.boundaries.user_code import users_code
from gsmooth.data.image_key import FIRST_KEY
from gsmooth.errors import ConfigurationError, MemoryShortError, ModelError
from gsmooth.models.call import out_of_memory
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noisy_batch import NoisyPoints
from gsmooth.sampling.readout import Readout
from gsmooth.sampling.request import BatchQueue, SampleRequest
from gsmooth.sampling.workers import Worker, hired, require_one_kind, started_pool

NO_IMAGE: Final = -1
"""The image in the key of votes that are only timed: no image of a run has it."""
NAMED: Final = 8
"""Images that an error names one by one."""


@final
class Counter:
    """Counts the votes of requests, batch by batch, on one device or several.

    Votes are functions of their sample keys, so counts depend neither on the batch size nor on the
    devices; except for a batch-dependent classifier, whose batch size is fixed.

    Args:
        classifier: f.
        noisy: Draws the noisy points.
        readout: Q, from noisy points to the classifier's input.
        batch_size: Most rows of one forward pass; halved if they do not fit into memory. The noise
            of a request is drawn as a whole, and takes several passes if it has more rows.
        fixed_batch: Every forward pass has exactly batch_size rows, for a classifier whose labels
            depend on it.
        devices: One worker for each; by default the classifier's device.
    """

    def __init__(
        self,
        classifier: Classifier,
        noisy: NoisyPoints,
        readout: Readout,
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
        self._classifier, self._noisy, self._readout = classifier, noisy, readout
        self._devices = tuple(devices)
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

        One transfer from each device. ModelError, and no counts, if scores are not finite.
        """
        order = sorted(range(len(requests)), key=lambda place: -requests[place].rows)
        queue = BatchQueue([requests[place] for place in order])
        made = self._tables(queue)
        # A GPU reports the errors of a batch when its results are fetched.
        with users_code(f"{self._classifier.name}: its batches raised", ModelError):
            tables = [table.cpu().numpy() for table in made]
        found: NDArray[np.int64] = np.sum(tables, axis=0)
        self._require_finite(queue, found[:, -1])
        counts: NDArray[np.int64] = np.empty_like(found[:, :-1])
        counts[order] = found[:, :-1]
        return counts

    def resized(self, batch_size: int) -> Counter:
        """The same workers with batches of exactly this size, for measurements."""
        self._ready()
        other = self._like(batch_size, fixed_batch=True, devices=self._devices)
        other._workers, other._threads = self._workers, self._threads
        return other

    def alone(self) -> Counter:
        """A counter with one worker that draws the noise in the calling thread."""
        other = self._like(self.batch_size, fixed_batch=self.fixed_batch)
        other._workers = [Worker(self._classifier, self._noisy, self._readout)]
        return other

    def _like(self, batch_size: int, *, fixed_batch: bool, devices: Sequence[str] = ()) -> Counter:
        """A counter of the same classifier, noise and readout."""
        parts = (self._classifier, self._noisy, self._readout)
        return Counter(*parts, batch_size, fixed_batch=fixed_batch, devices=devices)

    def _tables(self, queue: BatchQueue) -> list[Tensor]:
        """The counts of every worker, (requests, classes + 2) int64, on its device."""
        self._ready()
        if self._threads is None:
            return [self._work(self._workers[0], queue)]
        futures = [self._threads.submit(self._work, worker, queue) for worker in self._workers]
        wait(futures)
        return [future.result() for future in futures]

    def _ready(self) -> None:
        if self._workers:
            return
        self._workers = hired(self._classifier, self._noisy, self._readout, self._devices)
        if (number := len(self._workers)) > 1:
            # Workers on one processor share its threads.
            shared = torch.get_num_threads() // number
            self._threads = started_pool(number, max(1, shared))

    def _work(self, worker: Worker, queue: BatchQueue) -> Tensor:
        classifier = worker.classifier
        table = torch.zeros(
            (len(queue.requests), classifier.classes + 2),
            dtype=torch.int64,
            device=classifier.device,
        )
        try:
            while (part := queue.next(self.batch_size)) is not None:
                self._tally(worker, queue.requests, part, table)
        except BaseException:
            queue.stop()  # The other workers stop too.
            raise
        return table

    def _tally(
        self, worker: Worker, requests: Sequence[SampleRequest], part: range, table: Tensor
    ) -> None:
        """Count the votes of ``requests[part]``; in two halves if memory is short.

        The halves repeat the draws of the whole batch, and no vote of it has been counted before,
        so no vote is lost, doubled or biased.
        """
        votes = self._votes(worker, [requests[place] for place in part])
        while votes is None and len(part) == 1:
            # The noise of a request is drawn as a whole; the network sees it in several passes.
            votes = self._votes(worker, [requests[part.start]])
        if votes is not None:
            _add(table[part.start : part.stop], [requests[place].rows for place in part], votes)
            return
        middle = (part.start + part.stop) // 2
        self._tally(worker, requests, range(part.start, middle), table)
        self._tally(worker, requests, range(middle, part.stop), table)

    def _votes(self, worker: Worker, group: Sequence[SampleRequest]) -> Tensor | None:
        """The votes of one batch, or None if it did not fit into memory and a smaller one may."""
        try:
            return worker.votes(group, self.batch_size, self.fixed_batch)
        except (RuntimeError, MemoryError, MemoryShortError) as error:
            if not out_of_memory(error):
                raise
            rows = sum(request.rows for request in group)
            if self.fixed_batch or min(rows, self.batch_size) == 1:
                raise self._too_large(rows) from error
        # Outside of the handler, so that the memory of the failed pass is free.
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

    def _require_finite(self, queue: BatchQueue, bad: NDArray[np.int64]) -> None:
        places = np.flatnonzero(bad).tolist()
        if not places:
            return
        images = sorted({queue.requests[place].sample_key.image for place in places})
        total = sum(queue.requests[place].rows for place in places)
        raise self._classifier.not_finite(
            f"{bad.sum()} of {total} votes for {_listed(images)}, first in batch"
            f" {queue.batch_of(places[0])} of {len(queue.batches)}"
        )


def _listed(images: Sequence[int]) -> str:
    """Images by index, ``image 1, 2``; else their number; or what was voted on instead."""
    if NO_IMAGE in images:
        return "an image of zeros, by which the speed is measured"
    if max(images) < FIRST_KEY:
        more = f" and {len(images) - NAMED} others" if len(images) > NAMED else ""
        return f"image {', '.join(map(str, images[:NAMED]))}{more}"
    return f"{len(images)} image{'' if len(images) == 1 else 's'}"


def _add(table: Tensor, rows: Sequence[int], votes: Tensor) -> None:
    """Add votes (sum(rows),) to the requests (len(rows), columns) that they were cast for."""
    one = votes.new_ones(())
    request = vote = 0
    # By runs of equally large requests, so that no index is built on the host and transferred.
    for size, run in groupby(rows):
        count = len(list(run))
        part = votes[vote : vote + count * size].reshape(count, size)
        table[request : request + count].scatter_add_(1, part, one.expand(count, size))
        request, vote = request + count, vote + count * size

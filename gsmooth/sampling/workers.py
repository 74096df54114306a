"""Workers: each has a replica of the classifier on its device and counts whole batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import Barrier
from typing import final

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noisy_batch import NoisyPoints
from gsmooth.sampling.readout import Readout
from gsmooth.sampling.request import SampleRequest


@final
@dataclass(frozen=True)
class Worker:
    """Computes the votes of whole batches on one device.

    Args:
        classifier: f, on the worker's device.
        noisy: Draws the noisy points.
        readout: Q, from noisy points to the classifier's input.
        pool: Threads that draw the noise; None: the calling thread.
    """

    classifier: Classifier
    noisy: NoisyPoints
    readout: Readout
    pool: Executor | None = None

    @torch.no_grad()
    def votes(
        self, requests: Sequence[SampleRequest], batch_size: int, fixed_batch: bool = False
    ) -> Tensor:
        """(rows,) int64 on the device, in 0..classes + 1 (see ``Classifier.votes``).

        batch_size: most rows of a forward pass; fixed_batch: every pass has exactly so many, and
        the rows that fill it up are not counted.
        """
        rows = sum(request.rows for request in requests)
        least = -(-rows // batch_size) * batch_size if fixed_batch else 0
        z = self.noisy.batch(requests, self.classifier.device, least, self.pool)
        if len(z) > batch_size:
            batches = self.readout.batches(z, batch_size)
            return torch.cat([self.classifier.votes(batch) for batch in batches])[:rows]
        images = self.readout.images(z)
        del z  # If the readout made new images, only these stay in memory in the forward pass.
        return self.classifier.votes(images)[:rows]


def devices_of(text: str) -> tuple[str, ...]:
    """The devices in "cuda:0,cuda:1" or "cpu,cpu": one worker for each.

    ConfigurationError unless all are of one kind: counts are the same on devices of a kind only.
    """
    devices = tuple(part.strip() for part in text.split(","))
    kinds = {device.partition(":")[0] for device in devices}
    if "" in devices or len(kinds) > 1:
        raise ConfigurationError(
            f'device="{text}": expected one device, or several of one kind, such as "cuda:0,cuda:1"'
            " (counts agree on devices of one kind only)"
        )
    return devices


def require_one_kind(first: torch.device, devices: Sequence[str]) -> None:
    """ConfigurationError unless ``devices`` begin with the classifier's and are of its kind."""
    given = [_device(device, devices) for device in devices]
    places = [(device.type, device.index or 0) for device in given]
    here = (first.type, first.index or 0)
    if given and (places[0] != here or {kind for kind, _ in places} != {first.type}):
        raise ConfigurationError(
            f"devices={', '.join(devices)}: the classifier is on {first}, which has to be the first"
            " of them, and the others of its kind (counts agree on devices of one kind only). To"
            f" use another device, move the network there first, with net.to({devices[0]!r})"
        )


def _device(name: str, devices: Sequence[str]) -> torch.device:
    """The device of this name; ConfigurationError for a name that torch does not know."""
    try:
        return torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ConfigurationError(
            f"devices={devices!r}: expected a tuple of names that torch knows, such as"
            ' ("cuda:0", "cuda:1")'
        ) from error


def hired(
    classifier: Classifier, noisy: NoisyPoints, readout: Readout, devices: Sequence[str]
) -> list[Worker]:
    """One worker for each device; the first one uses ``classifier`` itself."""
    threads = torch.get_num_threads()
    if len(devices) <= 1:
        draws_here = classifier.device.type == "cpu" and threads > 1
        pool = drawing_pool(threads) if draws_here else None
        return [Worker(classifier, noisy, readout, pool)]
    others = [classifier.replica(device) for device in devices[1:]]
    return [Worker(one, noisy, readout) for one in (classifier, *others)]


def started_pool(threads: int, torch_threads: int) -> ThreadPoolExecutor:
    """A pool whose threads have started, each with ``torch_threads`` threads of PyTorch."""
    before, all_here = torch.get_num_threads(), Barrier(threads + 1)

    def begin() -> None:
        # The first call fixes the number of this thread; without it the thread would later take
        # the number that was set last in any thread.
        torch.get_num_threads()
        torch.set_num_threads(torch_threads)
        all_here.wait()

    pool = ThreadPoolExecutor(threads)
    begun = [pool.submit(begin) for _ in range(threads)]
    all_here.wait()
    for future in begun:
        future.result()
    # Threads that are started later begin with the number that was set last.
    torch.set_num_threads(before)
    return pool


@lru_cache(maxsize=4)
def drawing_pool(threads: int) -> ThreadPoolExecutor:
    """Threads that draw noise, kept from batch to batch and shared by all counters."""
    return started_pool(threads, 1)


# Threads do not survive a fork, and a pool without its threads would wait forever.
_forget: Callable[[], None] = drawing_pool.cache_clear
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

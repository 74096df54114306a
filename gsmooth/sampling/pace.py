"""Pace: which batch size is fastest here, by a short measurement of whole votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import final

from torch import Tensor

from gsmooth.errors import MemoryShortError
from gsmooth.sampling.counting import NO_IMAGE, Counter
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.request import SampleRequest
from gsmooth.sampling.settings import SAMPLING


@final
@dataclass(frozen=True)
class Pace:
    """The speed on this machine, of noise, action, readout and forward pass together.

    Args:
        batch_size: The smallest batch size that is about as fast as the fastest.
        votes_per_second: The rate at that size.
    """

    batch_size: int
    votes_per_second: float


def measured_pace(counter: Counter, z: Tensor, sizes: tuple[int, ...] | None = None) -> Pace:
    """The pace of votes around z (K,), for the given ``sizes`` of batches.

    By default sizes 16, 32, 64, ... as long as the rate grows, and then 8, 4, 2 and 1 if no larger
    batch was faster: a few large images at a time stay in the cache. The votes have sample keys
    that no run uses, and are thrown away.
    """
    rates: dict[int, float] = {}
    first = SAMPLING.pace.first_rows
    short = _try(counter, z, sizes or _powers(first, SAMPLING.pace.most_rows), rates)
    if not sizes and max(rates, key=rates.__getitem__, default=first) == first:
        short = _try(counter, z, _powers(1, first // 2)[::-1], rates) or short
    if not rates and short is not None:
        raise short
    best = max(rates.values())
    chosen = min(size for size, rate in rates.items() if rate >= SAMPLING.pace.as_good * best)
    return Pace(chosen, rates[chosen])


def _try(
    counter: Counter, z: Tensor, sizes: Sequence[int], rates: dict[int, float]
) -> MemoryShortError | None:
    """Add the rates of sizes, until two in a row gain nothing or the time is up.

    Sizes that do not fit into memory are left out; the last such error is returned.
    """
    idle, began, short = 0, perf_counter(), None
    for size in sizes:
        try:
            rate = _rate(counter.resized(size), z)
        except MemoryShortError as error:
            short = error
            if sizes[-1] > size:  # The next size is larger.
                break
            continue
        idle = 0 if rate > SAMPLING.pace.gain * max(rates.values(), default=0.0) else idle + 1
        rates[size] = rate
        if idle == 2 or perf_counter() - began > SAMPLING.pace.longest_s:
            break
    return short


def _powers(first: int, last: int) -> tuple[int, ...]:
    """first, twice that, and so on up to last."""
    return tuple(first << power for power in range((last // first).bit_length()))


def _rate(counter: Counter, z: Tensor) -> float:
    """Votes a second, with one batch for every worker at a time."""
    requests = unused_requests(z, counter.at_once)
    shortest = _seconds(counter, requests)
    if shortest < SAMPLING.pace.longest_s:  # The first pass of a size also tunes and allocates.
        shortest = min(_timing(counter, requests) for _ in range(SAMPLING.pace.timings))
    return sum(request.rows for request in requests) / shortest


def _timing(counter: Counter, requests: list[SampleRequest]) -> float:
    """Seconds of one round, the mean over TIMED_S."""
    rounds, total = 0, 0.0
    while total < SAMPLING.pace.timing_s:
        total += _seconds(counter, requests)
        rounds += 1
    return total / rounds


def _seconds(counter: Counter, requests: list[SampleRequest]) -> float:
    began = perf_counter()
    counter.count(requests)  # Ends with a transfer, so the device has finished.
    return perf_counter() - began


def unused_requests(z: Tensor, rows: int) -> list[SampleRequest]:
    """Requests for so many votes around z (K,), with sample keys that no run uses."""
    full, rest = divmod(rows, CHUNK)
    sizes = [CHUNK] * full + [rest] * (rest > 0)
    return [
        SampleRequest(SampleKey(0, NO_IMAGE, Stream.SELECTION, 0, chunk), z, size)
        for chunk, size in enumerate(sizes)
    ]

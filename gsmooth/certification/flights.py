"""Images in flight: begun, not yet decided, and counted together so that batches are full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, Literal, TypeVar

import numpy as np

from gsmooth.certification.session import Counts, Voting
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling import served
from gsmooth.sampling.noise import CHUNK
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier

T = TypeVar("T")

InFlight = int | Literal["auto"]
"""How many images are begun and not yet decided; "auto": as many as fill a batch."""

Watch = Callable[[Mapping[int, int], float], None]
"""Called with the votes so far of each image in flight, by index, and the seconds of the round."""


@dataclass
class Flight(Generic[T]):
    """An image that is begun and not yet decided.

    Args:
        index: The index of the image.
        voting: The generator that decides it.
        requests: The requests that it waits for.
        seconds: Time spent on the image so far.
        spent: Votes so far.
        counts: Counts of the first of the requests.
    """

    index: int
    voting: Voting[T]
    requests: list[SampleRequest]
    seconds: float = 0.0
    spent: int = 0
    counts: list[Counts] = field(default_factory=list)

    @staticmethod
    def begun(item: Item, begin: Callable[[Item], Voting[T]]) -> Flight[T]:
        """The image with its first requests.

        Args:
            item: The image.
            begin: Makes the generator that decides it.
        """
        began = perf_counter()
        voting = begin(item)
        return Flight(item.index, voting, next(voting), perf_counter() - began)

    @property
    def pending(self) -> list[SampleRequest]:
        """Requests that are not counted yet; one round need not count all of them."""
        return self.requests[len(self.counts) :]

    def resume(self) -> T | None:
        """Send the counts of all requests; what is decided, or None if there are more requests."""
        began = perf_counter()
        try:
            self.requests = self.voting.send(np.stack(self.counts))
        except StopIteration as finished:
            decided: T = finished.value
            return decided
        finally:
            self.seconds += perf_counter() - began
        self.counts = []
        return None


def decided(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    begin: Callable[[Item], Voting[T]],
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[tuple[int, T, float]]:
    """Decide many images; votes of several images share batches.

    Counts depend neither on ``in_flight`` nor on the batch size.

    Args:
        smoothed: The smoothed classifier.
        items: The images; each is read when it is begun.
        begin: Makes the generator that decides an image.
        in_flight: See :data:`InFlight`.
        watch: See :data:`Watch`; called after every round of votes.

    Yields:
        (index, what is decided, seconds) of each image, in order of completion.

    Raises:
        ModelError: The network's scores are not finite.
    """
    if in_flight != "auto" and in_flight < 1:
        raise ConfigurationError(f"engine: in_flight={in_flight} must be at least 1 image")
    waiting = iter(items)
    flights: list[Flight[T]] = []
    while True:
        while has_room(smoothed, flights, in_flight) and (item := next(waiting, None)) is not None:
            flights.append(Flight.begun(item, begin))
        if not flights:
            return
        began = perf_counter()
        count_round(smoothed, flights)
        if watch is not None:
            watch({flight.index: flight.spent for flight in flights}, perf_counter() - began)
        ready = [flight for flight in flights if not flight.pending]
        flights = [flight for flight in flights if flight.pending]
        for flight in ready:
            if (found := flight.resume()) is None:
                flights.append(flight)
            else:
                yield flight.index, found, flight.seconds


def has_room(
    smoothed: SmoothedClassifier, flights: Sequence[Flight[T]], in_flight: InFlight = "auto"
) -> bool:
    """True if another image may be begun."""
    if in_flight != "auto":
        return len(flights) < in_flight
    rows = sum(request.rows for flight in flights for request in flight.pending)
    # A request more than a batch holds, so that one that does not fit has another in its place.
    few = rows < smoothed.counter.at_once + CHUNK
    return few and len(flights) < CERTIFICATION.images_in_flight


def count_round(smoothed: SmoothedClassifier, flights: Sequence[Flight[T]]) -> None:
    """Count full batches, of the oldest requests as far as they fit.

    Raises:
        ModelError: As :meth:`SmoothedClassifier.count`; nothing is counted then.
    """
    began = perf_counter()
    queue = [(flight, request) for flight in flights for request in flight.pending]
    waiting = [(flight.index, request.rows) for flight, request in queue]
    now = [queue[place] for place in served(waiting, smoothed.counter.at_once)]
    requests = [request for _, request in now]
    counts = smoothed.count(requests)
    pace = (perf_counter() - began) / max(1, sum(request.rows for request in requests))
    for (flight, request), votes in zip(now, counts, strict=True):
        flight.counts.append(votes)
        flight.seconds += pace * request.rows
        flight.spent += request.rows

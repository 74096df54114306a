"""CERTIFY and PREDICT of many images (Cohen et al. 2019, generalized to covers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

import numpy as np

from gsmooth.certificate import Prediction
from gsmooth.certification import (
    CertifyTask,
    Counts,
    Outcome,
    Voting,
    check_level,
    check_votes,
    chunks,
    decide,
    prediction,
)
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling import served
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier

InFlight = int | Literal["auto"]
"""How many images are begun and not yet decided; "auto": as many as fill a batch."""

Watch = Callable[[Mapping[int, int], float], None]
"""Called with the votes so far of each image in flight, by index, and the seconds of the round."""


def certify_many(
    task: CertifyTask,
    items: Iterable[Item],
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Check that the task is feasible, then :func:`certify_feasible`.

    Raises:
        UnreachableError: Before the first image, if no votes could reach the region.
        ConfigurationError: The region or the transformation does not fit the covers.
    """
    check_feasible(task)
    return certify_feasible(task, items, in_flight=in_flight, watch=watch)


def certify_feasible(
    task: CertifyTask,
    items: Iterable[Item],
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Certificates of many images; votes of several images share batches.

    Counts, and so certificates, depend neither on ``in_flight`` nor on the batch size.

    Args:
        task: What is certified, and how. The caller has called :func:`check_feasible` with it.
        items: The images; each is read when it is begun.
        in_flight: See :data:`InFlight`.
        watch: See :data:`Watch`; called after every round of votes.

    Yields:
        Outcomes, in order of completion.

    Raises:
        InputError: An image does not fit the classifier.
        ModelError: The network's scores are not finite.
    """
    if in_flight != "auto" and in_flight < 1:
        raise ConfigurationError(f"engine: in_flight={in_flight} must be at least 1 image")
    smoothed, waiting = task.smoothed, iter(items)
    flights: list[_Flight] = []
    while True:
        while _has_room(smoothed, flights, in_flight) and (item := next(waiting, None)) is not None:
            smoothed.check_image(item.image, item.index)
            began = perf_counter()
            cover = task.covers.plan(smoothed, item, task.region, task.rule.price)
            voting = decide(task, item.index, cover)
            flights.append(_Flight(item.index, voting, next(voting), perf_counter() - began))
        if not flights:
            return
        began = perf_counter()
        _count(smoothed, flights)
        if watch is not None:
            watch({flight.index: flight.spent for flight in flights}, perf_counter() - began)
        ready = [flight for flight in flights if not flight.pending]
        flights = [flight for flight in flights if flight.pending]
        for flight in ready:
            if (outcome := flight.resume()) is None:
                flights.append(flight)
            else:
                yield outcome


def _has_room(smoothed: SmoothedClassifier, flights: list[_Flight], in_flight: InFlight) -> bool:
    """True if another image may be begun."""
    if in_flight != "auto":
        return len(flights) < in_flight
    rows = sum(request.rows for flight in flights for request in flight.pending)
    # A request more than a batch holds, so that one that does not fit has another in its place.
    few = rows < smoothed.counter.at_once + CHUNK
    return few and len(flights) < CERTIFICATION.images_in_flight


def _count(smoothed: SmoothedClassifier, flights: list[_Flight]) -> None:
    """Count full batches, of the oldest requests as far as they fit."""
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


def predict_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    *,
    n: int = 1000,
    alpha: float = 0.001,
    stream: Stream = Stream.PREDICTION,
) -> Iterator[tuple[int, Prediction]]:
    """(index, prediction) for every item, in order. n is rounded up to whole chunks."""
    check_level("alpha", alpha)
    check_votes(n=n)
    for item in items:
        smoothed.check_image(item.image, item.index)
        z = smoothed.transformation.lift(item.image[None].double())[0]
        counts = smoothed.count(
            [
                SampleRequest(SampleKey(smoothed.seed, item.index, stream, 0, chunk), z)
                for chunk in range(chunks(n))
            ]
        )
        yield item.index, prediction(counts.sum(axis=0), alpha)


@dataclass
class _Flight:
    """An image that is begun and not yet decided."""

    index: int
    voting: Voting[Outcome]
    requests: list[SampleRequest]
    seconds: float
    spent: int = 0
    counts: list[Counts] = field(default_factory=list)

    @property
    def pending(self) -> list[SampleRequest]:
        """Requests that are not counted yet; one round need not count all of them."""
        return self.requests[len(self.counts) :]

    def resume(self) -> Outcome | None:
        """Send the counts of all requests; the outcome, or None if there are more requests."""
        began = perf_counter()
        try:
            self.requests = self.voting.send(np.stack(self.counts))
        except StopIteration as finished:
            outcome: Outcome = finished.value
            return replace(outcome, seconds=self.seconds + perf_counter() - began)
        self.counts = []
        self.seconds += perf_counter() - began
        return None

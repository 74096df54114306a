"""CERTIFY and PREDICT: from votes to a decision (Cohen et al. 2019, generalized to covers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

import numpy as np
from torch import Tensor

from gsmooth.certificate import Prediction
from gsmooth.certification import (
    Counts,
    Mode,
    Outcome,
    RadiusMode,
    RegionMode,
    Voting,
    check_level,
    check_votes,
    chunks,
    decide,
    prediction,
)
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Centres, CoverBuilder, IndividualCovers, OnlineCovers
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling import served
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.transforms.region import Region

__all__ = [
    "InFlight",
    "Item",
    "Mode",
    "Outcome",
    "RadiusMode",
    "RegionMode",
    "certify",
    "certify_feasible",
    "certify_many",
    "predict",
    "predict_many",
]

InFlight = int | Literal["auto"]
"""How many images are begun and not yet decided; "auto": as many as fill a batch."""

Watch = Callable[[Mapping[int, int], float], None]
"""Called with the votes so far of each image in flight, by index, and the seconds of the round."""


def certify(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    mode: Mode | None = None,
    *,
    centres: Centres = None,
    index: int | None = None,
    online: bool = False,
    seconds: float | None = None,
) -> Outcome:
    """The certificate of one image on a region.

    Args:
        smoothed: The smoothed classifier.
        image: (C, H, W), in the declared input range.
        region: The attacks that are certified.
        mode: The rule of decision; by default :class:`RegionMode`.
        centres: At most so many centres; "clean": the clean image alone; by default as many as
            cost least.
        index: Index of the image; its votes follow from seed and index. By default they follow
            from seed and pixels, so that different images do not share their noise.
        online: The image has been attacked already; certified is every preimage in [0, 1] that an
            attack in ``region`` turns into it.
        seconds: Online: the search for preimages ends then, with a larger cover, that is still
            sound; by default when more cells gain nothing.

    Raises:
        UnreachableError: No number of votes within the budget could certify the region.
        ConfigurationError: Region, centres or transformation do not fit.
        InputError: The image does not fit the classifier.
        ModelError: The network's scores are not finite.
    """
    covers = OnlineCovers(centres, seconds) if online else IndividualCovers(centres)
    items, rule = [Item.of(image, index)], mode or RegionMode()
    return next(certify_many(smoothed, items, region, rule, covers))


def certify_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: Mode,
    covers: CoverBuilder | None = None,
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Check that the region is feasible, then :func:`certify_feasible`.

    Raises:
        UnreachableError: Before the first image, if no votes could reach the region.
        ConfigurationError: The region or the transformation does not fit the covers.
    """
    covers = covers or IndividualCovers()
    check_feasible(smoothed, region, mode, covers)
    return certify_feasible(smoothed, items, region, mode, covers, in_flight=in_flight, watch=watch)


def certify_feasible(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: Mode,
    covers: CoverBuilder,
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Certificates of many images; votes of several images share batches.

    Counts, and so certificates, depend neither on ``in_flight`` nor on the batch size.

    Args:
        smoothed: The smoothed classifier.
        items: The images; each is read when it is begun.
        region: The attacks that are certified.
        mode: The rule of decision.
        covers: How the cover of each image is built. The caller has called :func:`check_feasible`
            with the same arguments.
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
    waiting = iter(items)
    flights: list[_Flight] = []
    while True:
        while _has_room(smoothed, flights, in_flight) and (item := next(waiting, None)) is not None:
            smoothed.check_image(item.image, item.index)
            began = perf_counter()
            cover = covers.plan(smoothed, item, region, mode.price)
            voting = decide(smoothed, item.index, cover, mode)
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
    return len(flights) < CERTIFICATION.images_in_flight and rows < smoothed.counter.at_once


def _count(smoothed: SmoothedClassifier, flights: list[_Flight]) -> None:
    """Count full batches of the oldest requests."""
    began = perf_counter()
    queue = [(flight, request) for flight in flights for request in flight.pending]
    now = served([request.rows for _, request in queue], smoothed.counter.at_once)
    requests = [request for _, request in queue[:now]]
    counts = smoothed.count(requests)
    pace = (perf_counter() - began) / max(1, sum(request.rows for request in requests))
    for (flight, request), votes in zip(queue[:now], counts, strict=True):
        flight.counts.append(votes)
        flight.seconds += pace * request.rows
        flight.spent += request.rows


def predict(
    smoothed: SmoothedClassifier,
    image: Tensor,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    index: int | None = None,
) -> Prediction:
    """PREDICT (S3): g's class at one image, wrong with probability <= alpha, or an abstention.

    Whoever can read the seed can make images that PREDICT gets wrong: its level holds for votes
    that are drawn independently of the image (S2).

    Args:
        smoothed: The smoothed classifier.
        image: (C, H, W), in the declared input range.
        n: Votes, rounded up to whole chunks of 64.
        alpha: Level of the test, in (0, 0.5].
        index: See :func:`certify`.
    """
    return next(predict_many(smoothed, [Item.of(image, index)], n=n, alpha=alpha))[1]


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

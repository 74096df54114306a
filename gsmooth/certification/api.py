"""CERTIFY and PREDICT: from votes to a decision (Cohen et al. 2019, generalized to covers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Literal, final

import numpy as np
from torch import Tensor

from gsmooth.certificate import Certificate, Guarantee, Prediction
from gsmooth.certification import (
    Counts,
    Decision,
    Finding,
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
    decide,
    prediction,
)
from gsmooth.certification.feasibility import check_feasible
from gsmooth.cover import Centres, Cover, CoverPlan, plan_cover
from gsmooth.cover.online import build_online_cover
from gsmooth.data.image_key import image_key
from gsmooth.errors import ConfigurationError, ImpossibleError
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
    "certify_many",
    "online_drafter",
    "predict",
    "predict_many",
]

InFlight = int | Literal["auto"]
MOST_IN_FLIGHT: Final = 64
"""Images at once where their number is not given: each of them keeps a cover in memory."""


@final
@dataclass(frozen=True)
class Item:
    """An image (C, H, W), float64 in the declared range, and its index: part of every vote.

    No gradient leads back through an image: one that asks for it is detached.
    """

    index: int
    image: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", self.image.detach())

    @staticmethod
    def of(image: Tensor, index: int | None) -> Item:
        """The image under its index; where it has none, under a hash of its pixels."""
        return Item(image_key(image) if index is None else index, image)


@final
@dataclass(frozen=True)
class Outcome:
    """What certify found for one image.

    index: that of the image; where it has none, the hash of its pixels that stands for one.
    prediction: PREDICT on the selection votes at the clean image. votes: forward passes spent,
    selection and pilots included; pilot_votes: those that only chose the cover. seconds: time spent
    on this image (cover, and its share of every batch).
    """

    index: int
    certificate: Certificate
    prediction: Prediction
    votes: int
    seconds: float
    pilot_votes: int = 0


Drafter = Callable[[SmoothedClassifier, Item, Region], CoverPlan]
"""Another way to cover an image than from the image itself and all of its votes."""


Watch = Callable[[Mapping[int, int], float], None]
"""Told the votes that each image in flight, by index, has had, and the seconds of the last round.
"""


@final
@dataclass(frozen=True)
class OnlineCovers:
    """Makes covers of the originals of attacked images: what :func:`online_drafter` returns."""

    centres: int | None
    seconds: float | None

    def __call__(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover of one image; without balls, so abstained from, where it has no original."""
        image = item.image
        try:
            return build_online_cover(smoothed, image, region, self.centres, seconds=self.seconds)
        except ImpossibleError:
            clean = smoothed.transformation.lift(image[None].double())[0]
            return Cover(region, clean, (), Guarantee.ONLINE)


def online_drafter(centres: Centres = None, seconds: float | None = None) -> OnlineCovers:
    """For ``certify_many``: the items are attacked images, and certified are their originals.

    centres, seconds: see :func:`certify`. A limit of time makes covers, and so counts, depend on
    the machine where it is reached.
    """
    if centres == "clean":
        raise ConfigurationError(
            'online: centres="clean" needs the clean image, which is what is sought; give a number'
        )
    if centres is not None and centres < 1:
        raise ConfigurationError(f"online: centres={centres} must be at least 1")
    if seconds is not None and not seconds >= 0.0:
        raise ConfigurationError(f"online: seconds={seconds} must be at least 0, or None")
    return OnlineCovers(centres, seconds)


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
    """The certificate of one image (C, H, W) on ``region``; see :class:`RegionMode`.

    centres: at most so many; "clean": the clean image alone; by default as many as cost least.
    index: of the image; its votes follow from seed and index. Without one they follow from seed and
    pixels, so that no two images share their noise, and neither does a copy that was changed.
    online: the image has been attacked, and the certificate is about every original in [0, 1] that
    an attack in ``region`` turns into it. ``seconds`` (online): the search for originals ends then,
    with a larger cover, that is still sound; by default when more gains nothing.
    """
    drafter = online_drafter(centres, seconds) if online else None
    items, rule = [Item.of(image, index)], mode or RegionMode()
    return next(certify_many(smoothed, items, region, rule, centres=centres, drafter=drafter))


def certify_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: Mode,
    *,
    centres: Centres = None,
    in_flight: InFlight = "auto",
    drafter: Drafter | None = None,
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Outcomes in order of completion; votes of several images share batches.

    in_flight: images that are begun and not yet decided; "auto": as many as fill a batch. drafter:
    makes each image's cover in place of :func:`gsmooth.cover.plan_cover`; see
    :func:`online_drafter`.
    watch: told after every round of votes how far the images in flight are.

    Counts, and so certificates, do not depend on in_flight or batch size. Raises UnreachableError
    before the first image when no votes could reach the region, InputError for an image that does
    not fit the classifier, ModelError for scores that are not finite.
    """
    if in_flight != "auto" and in_flight < 1:
        raise ConfigurationError(f"engine: in_flight={in_flight} must be at least 1 image")
    online = isinstance(drafter, OnlineCovers)
    check_feasible(smoothed, region, mode, centres=centres, online=online)
    waiting = iter(items)
    flights: list[_Flight] = []
    while True:
        while _has_room(smoothed, flights, in_flight) and (item := next(waiting, None)) is not None:
            smoothed.classifier.check_image(item.image, item.index)
            began = perf_counter()
            plan = (drafter or _drafter(mode, centres))(smoothed, item, region)
            decision = decide(smoothed, item.index, plan, mode)
            flights.append(_Flight(item.index, decision, next(decision), perf_counter() - began))
        if not flights:
            return
        began = perf_counter()
        _count(smoothed, flights)
        if watch is not None:
            watch({flight.index: flight.spent for flight in flights}, perf_counter() - began)
        ready = [flight for flight in flights if not flight.asked]
        flights = [flight for flight in flights if flight.asked]
        for flight in ready:
            if (found := flight.resume()) is None:
                flights.append(flight)
            else:
                yield Outcome(
                    index=flight.index,
                    certificate=found.certificate,
                    prediction=found.prediction,
                    votes=found.votes,
                    seconds=flight.seconds,
                    pilot_votes=found.pilot_votes,
                )


def _has_room(smoothed: SmoothedClassifier, flights: list[_Flight], in_flight: InFlight) -> bool:
    """Whether another image is to be begun."""
    if in_flight != "auto":
        return len(flights) < in_flight
    asked = sum(request.rows for flight in flights for request in flight.asked)
    return len(flights) < MOST_IN_FLIGHT and asked < smoothed.counter.at_once


def _count(smoothed: SmoothedClassifier, flights: list[_Flight]) -> None:
    """Count full batches of the requests that were asked for first."""
    began = perf_counter()
    queue = [(flight, request) for flight in flights for request in flight.asked]
    now = served([request.rows for _, request in queue], smoothed.counter.at_once)
    requests = [request for _, request in queue[:now]]
    counts = smoothed.count(requests)
    pace = (perf_counter() - began) / max(1, sum(request.rows for request in requests))
    for (flight, request), votes in zip(queue[:now], counts, strict=True):
        flight.counts.append(votes)
        flight.seconds += pace * request.rows
        flight.spent += request.rows


def _drafter(mode: Mode, centres: Centres) -> Drafter:
    price = mode.price if isinstance(mode, RegionMode) else None

    def drafted(smoothed: SmoothedClassifier, item: Item, region: Region) -> CoverPlan:
        return plan_cover(smoothed, item.image, region, centres, price)

    return drafted


def predict(
    smoothed: SmoothedClassifier,
    image: Tensor,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    index: int | None = None,
) -> Prediction:
    """PREDICT (S3): g's class at ``image``, wrong with probability <= alpha, or an abstention.

    index: see :func:`certify`. Who knows the seed can make images that PREDICT gets wrong (S2).
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
        smoothed.classifier.check_image(item.image, item.index)
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
    index: int
    decision: Decision
    requests: list[SampleRequest]
    seconds: float
    spent: int = 0
    counts: list[Counts] = field(default_factory=list)

    @property
    def asked(self) -> list[SampleRequest]:
        """Requests that it waits for; they need not be counted in one round."""
        return self.requests[len(self.counts) :]

    def resume(self) -> Finding | None:
        """Hand over the counts of all requests; the finding, or None when it asks for more."""
        began = perf_counter()
        try:
            self.requests = self.decision.send(np.stack(self.counts))
        except StopIteration as finished:
            found: Finding = finished.value
            return found
        finally:
            self.counts = []
            self.seconds += perf_counter() - began
        return None
